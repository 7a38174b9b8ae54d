#include "confine.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.2 and 6.12; older headers lack them. */
#define ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

/* As of Linux 6.12, too; what an older kernel does not know must be 0. */
struct ruleset_attributes {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

static bool start_anew(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};

	for (int signal = 1; signal < NSIG; signal++)
		/* fails for SIGKILL and SIGSTOP, which are at their default anyway */
		sigaction(signal, &action, NULL);
	umask(077);
	return setsid() >= 0 && chdir("/") == 0;
}

/* --- the user: by the system calls themselves, for glibc's functions talk to other threads --- */

static bool is_user(const struct confinement *confinement)
{
	uid_t uids[3];
	gid_t gids[3];

	if (syscall(SYS_getresuid, &uids[0], &uids[1], &uids[2]) < 0 ||
		syscall(SYS_getresgid, &gids[0], &gids[1], &gids[2]) < 0)
		return false;
	for (int i = 0; i < 3; i++)
		if (uids[i] != confinement->uid || gids[i] != confinement->gid)
			return false;
	return syscall(SYS_getgroups, 0, NULL) == 0;
}

static bool become_user(const struct confinement *confinement)
{
	const uid_t uid = confinement->uid;
	const gid_t gid = confinement->gid;

	if (!confinement->switches_user)
		return true;
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, gid, gid, gid) < 0 ||
		syscall(SYS_setresuid, uid, uid, uid) < 0)
		return false;
	errno = EPERM;
	if (!is_user(confinement))
		return false;
	if (syscall(SYS_setresuid, 0, 0, 0) < 0 && syscall(SYS_setresgid, 0, 0, 0) < 0)
		return true;
	errno = EPERM; /* there is a way back */
	return false;
}

/* --- limits --- */

static bool limit(int resource, rlim_t value)
{
	struct rlimit now;

	if (getrlimit(resource, &now) < 0)
		return false;
	if (value < now.rlim_max)
		now.rlim_max = value;
	now.rlim_cur = now.rlim_max;
	return setrlimit(resource, &now) == 0;
}

/* After the change of user: before it, the limit would count root's processes. */
static bool set_limits(const struct confinement *confinement)
{
	return limit(RLIMIT_CPU, confinement->cpu_seconds) &&
	       limit(RLIMIT_AS, confinement->memory) &&
	       limit(RLIMIT_NPROC, confinement->processes) &&
	       limit(RLIMIT_NOFILE, confinement->descriptors) &&
	       limit(RLIMIT_FSIZE, confinement->file_size) && limit(RLIMIT_CORE, 0);
}

/* --- powers --- */

static bool gain_nothing(void)
{
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* older kernels have none */
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* Every right to write that this kernel can take away. */
static uint64_t rights_to_write(long abi)
{
	uint64_t rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
			  LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
			  LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
			  LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
			  LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;

	return abi >= 3 ? rights | ACCESS_FS_TRUNCATE : rights;
}

/* A path that is not there needs no exception. */
static bool allow_writing(int ruleset, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights};
	long rc;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return errno == ENOENT;
	rc = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return rc == 0;
}

static bool allow_temporary_files(int ruleset, uint64_t rights)
{
	return allow_writing(ruleset, "/tmp", rights) &&
	       allow_writing(ruleset, "/var/tmp", rights) &&
	       allow_writing(ruleset, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE);
}

static bool apply(const struct ruleset_attributes *attributes)
{
	const uint64_t rights = attributes->handled_access_fs;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, attributes, sizeof(*attributes), 0);
	bool done;

	if (ruleset < 0)
		return false;
	done = (rights == 0 || allow_temporary_files(ruleset, rights)) &&
	       syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	close(ruleset);
	return done;
}

/* Where the kernel has no Landlock, or has it switched off, the user's own rights have to do. */
static bool restrict_by_landlock(const struct confinement *confinement)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	const struct ruleset_attributes attributes = {
		.handled_access_fs = abi >= 1 && confinement->read_only ? rights_to_write(abi) : 0,
		.scoped = abi >= 6 ? SCOPE_SIGNAL : 0,
	};

	return (attributes.handled_access_fs == 0 && attributes.scoped == 0) || apply(&attributes);
}

/* A change of the user would undo it; and the parent may have ended before it was asked for. */
static bool end_with(pid_t parent)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

const char *confine(const struct confinement *confinement, pid_t parent)
{
	if (!start_anew())
		return "a session in /";
	if (!become_user(confinement))
		return "another user";
	if (!set_limits(confinement))
		return "limits";
	if (!gain_nothing() || !restrict_by_landlock(confinement))
		return "powers";
	return end_with(parent) ? NULL : "a parent";
}

/* --- before the fork --- */

/* /proc/PID/task has a directory for each thread, which is a link to it, and two links anyway. */
static rlim_t threads_of(int proc, const char *pid, uid_t uid)
{
	struct stat task;
	char path[300];

	if (*pid < '0' || *pid > '9')
		return 0;
	snprintf(path, sizeof(path), "%s/task", pid);
	if (fstatat(proc, path, &task, 0) < 0 || task.st_uid != uid || task.st_nlink < 2)
		return 0;
	return task.st_nlink - 2;
}

rlim_t confine_count_processes(uid_t uid)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	rlim_t count = 0;

	if (proc == NULL)
		return 0;
	while ((entry = readdir(proc)) != NULL) /* NOLINT: it is nobody else's */
		count += threads_of(dirfd(proc), entry->d_name, uid);
	closedir(proc);
	return count;
}
