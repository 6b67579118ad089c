/* Compiles seccomp profiles with libseccomp, as runc uses it. Reads lines:
 *   M TOKEN                            begin, on a machine of this architecture
 *   D ACTION                           the default action
 *   A TOKEN                            one more architecture
 *   R ACTION NAME N [INDEX OP A B]...  a rule
 *   E                                  write the program: its number of instructions, and 8 bytes for each
 *   T                                  write the time from D to now in nanoseconds, as a 32-bit integer
 *   N TOKEN NAME                       write the number of a call, as a 32-bit integer
 *   V                                  write the version of libseccomp, as text
 * All numbers are decimal; what is written has the machine's byte order.
 */
#define _GNU_SOURCE
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void check(int result, const char *what, const char *line)
{
	if (result == 0)
		return;
	fprintf(stderr, "%s: %s: %s\n", what, strerror(-result), line);
	exit(1);
}

static void rule(scmp_filter_ctx filter, const char *line)
{
	unsigned int action, count, at = 0;
	int used;
	char name[64];
	struct scmp_arg_cmp args[16];

	if (sscanf(line, "R %u %63s %u%n", &action, name, &count, &used) != 3 || count > 16)
		exit(2);
	for (const char *rest = line + used; at < count; at++) {
		unsigned int index, op;
		unsigned long long a, b;
		if (sscanf(rest, " %u %u %llu %llu%n", &index, &op, &a, &b, &used) != 4)
			exit(2);
		args[at] = (struct scmp_arg_cmp){ index, op, a, b };
		rest += used;
	}
	int number = seccomp_syscall_resolve_name(name);
	if (number == __NR_SCMP_ERROR)
		return;
	check(seccomp_rule_add_array(filter, action, number, count, args), "rule", line);
}

static void export(scmp_filter_ctx filter)
{
	int memory = memfd_create("program", 0);
	struct stat status;
	check(seccomp_export_bpf(filter, memory), "export", "");
	fstat(memory, &status);
	uint32_t length = status.st_size / 8;
	char *bytes = malloc(status.st_size);
	if (pread(memory, bytes, status.st_size, 0) != status.st_size)
		exit(3);
	fwrite(&length, sizeof length, 1, stdout);
	fwrite(bytes, 8, length, stdout);
	free(bytes);
	close(memory);
}

int main(void)
{
	static char line[4096];
	scmp_filter_ctx filter = NULL;
	uint32_t machine = 0, token, action;
	char name[64];
	struct timespec begun, now;

	while (fgets(line, sizeof line, stdin)) {
		switch (line[0]) {
		case 'M':
			sscanf(line, "M %u", &machine);
			break;
		case 'D':
			clock_gettime(CLOCK_MONOTONIC, &begun);
			sscanf(line, "D %u", &action);
			filter = seccomp_init(action);
			if (machine != seccomp_arch_native()) {
				check(seccomp_arch_remove(filter, seccomp_arch_native()), "remove", line);
				check(seccomp_arch_add(filter, machine), "add", line);
			}
			break;
		case 'A':
			sscanf(line, "A %u", &token);
			if (seccomp_arch_exist(filter, token) != 0)
				check(seccomp_arch_add(filter, token), "add", line);
			break;
		case 'R':
			rule(filter, line);
			break;
		case 'E':
			export(filter);
			seccomp_release(filter);
			break;
		case 'T':
			clock_gettime(CLOCK_MONOTONIC, &now);
			token = (now.tv_sec - begun.tv_sec) * 1000000000 + now.tv_nsec - begun.tv_nsec;
			fwrite(&token, sizeof token, 1, stdout);
			break;
		case 'N': {
			sscanf(line, "N %u %63s", &token, name);
			int32_t number = seccomp_syscall_resolve_name_arch(token, name);
			fwrite(&number, sizeof number, 1, stdout);
			break;
		}
		case 'V': {
			const struct scmp_version *version = seccomp_version();
			printf("%u.%u.%u", version->major, version->minor, version->micro);
			break;
		}
		default:
			exit(2);
		}
	}
	return 0;
}
