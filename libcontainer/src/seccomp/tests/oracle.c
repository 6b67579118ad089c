/* Compiles seccomp profiles with libseccomp, as runc uses it. Reads lines:
 *   M TOKEN                            begin, on a machine of this architecture
 *   D ACTION                           the default action
 *   A TOKEN                            one more architecture
 *   O LEVEL                            the layout: 1 as libseccomp's default, 2 with a binary tree
 *   R ACTION NAME N [INDEX OP A B]...  a rule
 *   E                                  write the program: its number of instructions, and 8 bytes for each
 *   B N                                make the program N times; write how long that took in nanoseconds, as a
 *                                      64-bit integer
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

struct rule {
	uint32_t action;
	unsigned int count;
	char name[64];
	struct scmp_arg_cmp args[16];
};

static struct rule rules[16384];
static uint32_t machine, action, level, architectures[32];
static size_t number_of_rules, number_of_architectures;

static void check(int result, const char *what, const char *name)
{
	if (result == 0)
		return;
	fprintf(stderr, "%s: %s: %s\n", what, strerror(-result), name);
	exit(1);
}

static void read_rule(const char *line)
{
	struct rule *rule = &rules[number_of_rules++];
	int used;

	if (number_of_rules > sizeof rules / sizeof *rules)
		exit(2);
	if (sscanf(line, "R %u %63s %u%n", &rule->action, rule->name, &rule->count, &used) != 3 || rule->count > 16)
		exit(2);
	const char *rest = line + used;
	for (unsigned int at = 0; at < rule->count; at++) {
		unsigned int index, op;
		unsigned long long a, b;
		if (sscanf(rest, " %u %u %llu %llu%n", &index, &op, &a, &b, &used) != 4)
			exit(2);
		rule->args[at] = (struct scmp_arg_cmp){ index, op, a, b };
		rest += used;
	}
}

static scmp_filter_ctx made(void)
{
	scmp_filter_ctx filter = seccomp_init(action);
	if (level != 0)
		check(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, level), "optimize", "");
	if (machine != seccomp_arch_native()) {
		check(seccomp_arch_remove(filter, seccomp_arch_native()), "remove", "");
		check(seccomp_arch_add(filter, machine), "add", "");
	}
	for (size_t at = 0; at < number_of_architectures; at++)
		if (seccomp_arch_exist(filter, architectures[at]) != 0)
			check(seccomp_arch_add(filter, architectures[at]), "add", "");
	for (const struct rule *rule = rules; rule < rules + number_of_rules; rule++) {
		int number = seccomp_syscall_resolve_name(rule->name);
		if (number != __NR_SCMP_ERROR)
			check(seccomp_rule_add_array(filter, rule->action, number, rule->count, rule->args), "rule", rule->name);
	}
	return filter;
}

static void export(void)
{
	int memory = memfd_create("program", 0);
	struct stat status;
	scmp_filter_ctx filter = made();
	check(seccomp_export_bpf(filter, memory), "export", "");
	seccomp_release(filter);
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

/* Into the same memory each time: making and reading that is not libseccomp's. */
static uint64_t repeated(unsigned long count)
{
	int memory = memfd_create("program", 0);
	struct timespec begun, now;
	clock_gettime(CLOCK_MONOTONIC, &begun);
	while (count-- > 0) {
		scmp_filter_ctx filter = made();
		check(seccomp_export_bpf(filter, memory), "export", "");
		seccomp_release(filter);
		lseek(memory, 0, SEEK_SET);
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	close(memory);
	return (now.tv_sec - begun.tv_sec) * 1000000000ull + now.tv_nsec - begun.tv_nsec;
}

int main(void)
{
	static char line[4096];
	uint32_t token;
	char name[64];

	while (fgets(line, sizeof line, stdin)) {
		switch (line[0]) {
		case 'M':
			sscanf(line, "M %u", &machine);
			number_of_rules = number_of_architectures = level = 0;
			break;
		case 'D':
			sscanf(line, "D %u", &action);
			break;
		case 'A':
			if (number_of_architectures == sizeof architectures / sizeof *architectures)
				exit(2);
			sscanf(line, "A %u", &architectures[number_of_architectures++]);
			break;
		case 'O':
			sscanf(line, "O %u", &level);
			break;
		case 'R':
			read_rule(line);
			break;
		case 'E':
			export();
			break;
		case 'B': {
			uint64_t time = repeated(strtoul(line + 1, NULL, 10));
			fwrite(&time, sizeof time, 1, stdout);
			break;
		}
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
