/**
 * A clock that nobody sets: milliseconds since this process started. performance.now() is the same, but the first look at `performance` loads node:perf_hooks,
 * 45 ms of a capture kernel's time.
 */
export const milliseconds = (): number => process.uptime() * 1000;
