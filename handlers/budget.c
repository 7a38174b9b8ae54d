#include "budget.h"
#include "monotonic.h"

/* By whoever is the first in it; what others say just then may count for either. */
static void begin_second(struct budget *budget)
{
	int64_t now = monotonic_ms() / 1000;

	if (__atomic_exchange_n(&budget->second, now, __ATOMIC_RELAXED) != now)
		__atomic_store_n(&budget->said, 0, __ATOMIC_RELAXED);
}

bool budget_take(struct budget *budget)
{
	begin_second(budget);
	if (__atomic_add_fetch(&budget->said, 1, __ATOMIC_RELAXED) <= BUDGET_A_SECOND)
		return true;
	__atomic_add_fetch(&budget->left_out, 1, __ATOMIC_RELAXED);
	return false;
}

unsigned int budget_left_out(struct budget *budget)
{
	return __atomic_exchange_n(&budget->left_out, 0, __ATOMIC_RELAXED);
}
