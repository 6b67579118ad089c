# shellcheck shell=bash
# What an engine logs at debug level: with creel it warns of nothing that it does not warn of with runc.
# An engine's daemon_log is cut in two, what it wrote with each runtime; where there is no daemon, logs_of_commands runs some
# checks once more and leaves what their commands logged in command_log.
# shellcheck disable=SC2154

logs_begin() { log_began=$(log_size); }
log_size() { stat -c %s "${daemon_log:-/dev/null}" 2>/dev/null || echo 0; }

# logs_end: of creel's part every kind of warning has to be in runc's part, too, or in logs-known. What comes with creel
# alone has to come a second time to count: daemons also log what came at a bad moment.
logs_end() {
    local new="" again
    take_warnings
    # Nothing of what is looked at here was asked for.
    [ -s "/results/$engine.$runtime.log" ] || return 0
    if [ "$runtime" = creel ]; then
        new=$(of_its_own)
        if [ -n "$new" ]; then
            logs_begin
            if [ -n "${daemon_log:-}" ]; then each_feature /checks/run "$engine" >/dev/null 2>&1; fi
            take_warnings
            again=$(of_its_own)
            new=$(comm -12 <(printf '%s\n' "$new") <(printf '%s\n' "$again") | grep . || true)
        fi
    fi
    result "no warning of its own in the log" "$(if [ -n "$new" ]; then echo failed; else echo ok; fi)" 0 "$new"
}

of_its_own() {
    comm -13 "/results/$engine.runc.warnings" "/results/$engine.creel.warnings" | grep -vEf <(grep -v '^#' /checks/logs-known) || true
}

# take_warnings: into files that --keep copies, what was logged since logs_begin and the kinds of its warnings.
take_warnings() {
    local log=/results/$engine.$runtime.log
    if [ -n "${daemon_log:-}" ]; then
        tail -c "+$((log_began + 1))" "$daemon_log" >"$log"
    else
        logs_of_commands "$log"
    fi
    warnings "$log" >"/results/$engine.$runtime.warnings"
}

# warnings LOG: the kinds of its warnings and errors, each once, without what differs from one container to the next. The text
# of a runtime's error is cut: the checks of each feature say what it has to hold.
warnings() {
    # The shim's own lines come as one string in a line of the daemon.
    sed -E 's/\\n/\n/g; s/[\\"]//g' "$1" | { grep -E 'level=(warning|error|fatal|panic)' || true; } \
        | sed -E 's/^.*level=(warning|error|fatal|panic) (msg=)?/\1 /
            s/(OCI runtime [a-z]+ (failed|error)|OCI permission denied|OCI runtime attempted to invoke a command that was not found):? .*/\1/
            s,(/usr/sbin/runc|/usr/local/bin/creel|\brunc\b|\bcreel\b),RUNTIME,g
            s/(RUNTIME [a-z]+ failed):.*/\1/
            s/(span|trace)ID=[0-9a-f]+//g; s/[0-9]{4}-[0-9-]+T[0-9:.]+Z?/TIME/g; s/\b[0-9a-f]{12,64}\b/ID/g; s/[0-9]+/N/g; s/ +$//' \
        | sort -u
}
