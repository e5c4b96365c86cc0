// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * A module for the guests of the lab: brings the kernel down, or blocks who asks, in the way that is written to /proc/crash_module.
 *
 * The functions that crash are called by others of this module, none of them inlined, so that stacks show frames of a module.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/rtmutex.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

/* What is found by name in a dump. */
int crash_module_answer = 42;

static bool waiting = true;

static noinline void write_to_null(void)
{
	int *volatile where = NULL;

	*where = crash_module_answer;
}

static noinline void write_through(void)
{
	write_to_null();
}

/* The room is used before and after the call, so that no compiler makes a loop of it. */
static noinline unsigned long recurse(unsigned long depth)
{
	volatile unsigned long room[32];
	unsigned long below;

	room[depth % 32] = depth;
	below = READ_ONCE(waiting) ? recurse(depth + 1) : 0;
	return below + room[depth % 32];
}

static noinline void wait_here(void)
{
	while (READ_ONCE(waiting))
		cpu_relax();
}

static noinline void spin_with_interrupts_off(void)
{
	pr_emerg("crash_module: CPU %d spins\n", raw_smp_processor_id());
	local_irq_disable();
	wait_here();
	local_irq_enable();
}

static noinline void panic_in_timer(struct timer_list *timer)
{
	panic("crash_module: a timer expired");
}

static DEFINE_TIMER(timer, panic_in_timer);

/* The timer expires on this CPU and interrupts what waits for it. */
static noinline void be_interrupted_by_timer(void)
{
	preempt_disable();
	timer.expires = jiffies + 2;
	add_timer_on(&timer, smp_processor_id());
	wait_here();
	preempt_enable();
}

static noinline void crash_in_interrupt(struct irq_work *work)
{
	write_through();
}

static struct irq_work interrupt;

static noinline void be_interrupted(void)
{
	init_irq_work(&interrupt, crash_in_interrupt);
	irq_work_queue(&interrupt);
	wait_here();
}

static noinline void crash_in_worker(struct work_struct *work)
{
	BUG();
}

static DECLARE_WORK(worker, crash_in_worker);

static noinline void crash_elsewhere(void)
{
	schedule_work(&worker);
}

static DEFINE_MUTEX(held_mutex);
static DECLARE_RWSEM(held_rwsem);
static struct semaphore held_semaphore;
static DEFINE_RT_MUTEX(held_rt_mutex);
static DECLARE_COMPLETION(never);

/* One task holds them all and never lets go. */
static noinline void hold(void)
{
	mutex_lock(&held_mutex);
	down_write(&held_rwsem);
	down(&held_semaphore);
	rt_mutex_lock(&held_rt_mutex);
	wait_for_completion(&never);
	rt_mutex_unlock(&held_rt_mutex);
	up(&held_semaphore);
	up_write(&held_rwsem);
	mutex_unlock(&held_mutex);
}

static noinline void wait_for_mutex(void)
{
	mutex_lock(&held_mutex);
	mutex_unlock(&held_mutex);
}

static noinline void wait_to_read(void)
{
	down_read(&held_rwsem);
	up_read(&held_rwsem);
}

static noinline void wait_to_write(void)
{
	down_write(&held_rwsem);
	up_write(&held_rwsem);
}

static noinline void wait_for_semaphore(void)
{
	down(&held_semaphore);
	up(&held_semaphore);
}

static noinline void wait_for_rt_mutex(void)
{
	rt_mutex_lock(&held_rt_mutex);
	rt_mutex_unlock(&held_rt_mutex);
}

static noinline void wait_interruptibly(void)
{
	if (wait_for_completion_interruptible(&never))
		pr_info("crash_module: interrupted\n");
}

static noinline void overflow_stack(void)
{
	pr_emerg("crash_module: %lu\n", recurse(0));
}

static const struct {
	const char *name;
	void (*run)(void);
} ways[] = {
	{ "oops", write_through },
	{ "stack-overflow", overflow_stack },
	{ "spin", spin_with_interrupts_off },
	{ "softirq", be_interrupted_by_timer },
	{ "hardirq", be_interrupted },
	{ "kworker", crash_elsewhere },
	{ "hold", hold },
	{ "mutex", wait_for_mutex },
	{ "rwsem-read", wait_to_read },
	{ "rwsem-write", wait_to_write },
	{ "semaphore", wait_for_semaphore },
	{ "rt-mutex", wait_for_rt_mutex },
	{ "completion", wait_interruptibly },
};

static ssize_t crash_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	size_t i;
	char *text = memdup_user_nul(from, min_t(size_t, size, 32));

	if (IS_ERR(text))
		return PTR_ERR(text);
	for (i = 0; i < ARRAY_SIZE(ways); i++)
		if (sysfs_streq(text, ways[i].name))
			break;
	kfree(text);
	if (i == ARRAY_SIZE(ways))
		return -EINVAL;
	ways[i].run();
	return size;
}

static const struct proc_ops operations = {
	.proc_write = crash_write,
};

static int __init crash_module_init(void)
{
	sema_init(&held_semaphore, 1);
	return proc_create("crash_module", 0200, NULL, &operations) ? 0 : -ENOMEM;
}

static void __exit crash_module_exit(void)
{
	remove_proc_entry("crash_module", NULL);
}

module_init(crash_module_init);
module_exit(crash_module_exit);
MODULE_DESCRIPTION("Brings the kernel down in the way that is asked for");
MODULE_LICENSE("Dual MIT/GPL");
