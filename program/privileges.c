#include "privileges.h"
#include "../handlers/number.h"
#include "complain.h"
#include "config.h"
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- who that is --- */

static int complain_unknown(const char *option, const char *value)
{
	config_say_where(value);
	complain("no such %s: --%s %s: give a name that `getent` knows, or a number", option,
		option, value);
	return EXIT_USAGE;
}

static bool is_number(const char *text, long *number)
{
	return read_whole(text, 0, (long)UINT_MAX - 1, number) == 0;
}

/* NOLINTBEGIN(concurrency-mt-unsafe): no other thread runs yet */
static int find_user(struct privileges *privileges, const char *user)
{
	const struct passwd *found = getpwnam(user);
	long number = -1;

	if (found == NULL && is_number(user, &number))
		found = getpwuid((uid_t)number);
	if (found == NULL && number < 0)
		return complain_unknown("user", user);
	privileges->uid = found != NULL ? found->pw_uid : (uid_t)number;
	if (found == NULL)
		return 0;
	privileges->gid = found->pw_gid;
	snprintf(privileges->name, sizeof(privileges->name), "%s", found->pw_name);
	return 0;
}

static int find_group(struct privileges *privileges, const char *group)
{
	const struct group *found = getgrnam(group);
	long number = -1;

	if (found == NULL && !is_number(group, &number))
		return complain_unknown("group", group);
	privileges->gid = found != NULL ? found->gr_gid : (gid_t)number;
	return 0;
}
/* NOLINTEND(concurrency-mt-unsafe) */

static bool is_other(const struct privileges *privileges)
{
	return geteuid() == 0 || privileges->uid != geteuid() || privileges->gid != getegid();
}

int privileges_find(struct privileges *privileges, const char *user, const char *group)
{
	const char *asked = user != NULL ? user : group;
	int status = 0;

	*privileges = (struct privileges){
		.user = user, .group = group, .uid = geteuid(), .gid = (gid_t)-1};
	if (user != NULL)
		status = find_user(privileges, user);
	if (status == 0 && group != NULL)
		status = find_group(privileges, group);
	if (status != 0 || asked == NULL)
		return status;
	if (privileges->gid == (gid_t)-1) {
		config_say_where(user);
		return complain_usage("no group: --user %s: this number has no name, and so no "
				      "group of its own: add --group",
			user);
	}
	privileges->change = is_other(privileges);
	if (!privileges->change || geteuid() == 0)
		return 0;
	config_say_where(asked);
	complain("cannot become another: --%s %s: only root can: start it as root, or leave that "
		 "out",
		user != NULL ? "user" : "group", asked);
	return EXIT_FAILURE;
}

/* --- becoming them --- */

static int set_groups(const struct privileges *privileges)
{
	return privileges->name[0] != '\0' ? initgroups(privileges->name, privileges->gid)
					   : setgroups(1, &privileges->gid);
}

static int complain_change(const struct privileges *privileges, const char *what)
{
	complain("cannot become another: %s%s %s%s: %s", privileges->user ? "--user " : "",
		privileges->user ? privileges->user : "", privileges->group ? "--group " : "",
		privileges->group ? privileges->group : "", what);
	return EXIT_FAILURE;
}

int privileges_lend(const struct privileges *privileges)
{
	if (!privileges->change)
		return 0;
	if (set_groups(privileges) < 0 || setegid(privileges->gid) < 0 ||
		seteuid(privileges->uid) < 0)
		return complain_change(privileges, strerror(errno));
	return 0;
}

int privileges_take_back(const struct privileges *privileges)
{
	if (!privileges->change)
		return 0;
	if (seteuid(0) < 0 || setegid(getgid()) < 0)
		return complain_change(privileges, strerror(errno));
	return 0;
}

static bool is_them(const struct privileges *privileges)
{
	uid_t uids[3];
	gid_t gids[3];

	if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 ||
		getresgid(&gids[0], &gids[1], &gids[2]) < 0)
		return false;
	for (int i = 0; i < 3; i++)
		if (uids[i] != privileges->uid || gids[i] != privileges->gid)
			return false;
	return true;
}

/* A capability that was kept would be one. */
static bool has_way_back(const struct privileges *privileges)
{
	if (privileges->uid == 0)
		return false; /* who stays root need not go back */
	return setresuid((uid_t)-1, 0, (uid_t)-1) == 0 ||
	       (privileges->gid != 0 && setresgid((gid_t)-1, 0, (gid_t)-1) == 0);
}

int privileges_drop(const struct privileges *privileges)
{
	const uid_t uid = privileges->uid;
	const gid_t gid = privileges->gid;

	if (!privileges->change)
		return 0;
	if (set_groups(privileges) < 0 || setresgid(gid, gid, gid) < 0 ||
		setresuid(uid, uid, uid) < 0)
		return complain_change(privileges, strerror(errno));
	if (!is_them(privileges) || has_way_back(privileges))
		return complain_change(privileges, "there is a way back");
	return 0;
}
