/**
 * What the service says while it works: to standard error, to syslog and to the kernel's log, each as far as the sysconfig file wants.
 *
 * Source of truth: dlog_init() of kdump-logger.sh (kdump-utils 63f248c): 0 nothing, 1 errors, 2 warnings, 3 what is done, 4 details.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { LogLevel, Sysconfig } from '../conf/sysconfig.ts';

export interface Log {
  error(text: string): void;
  warn(text: string): void;
  /** What is done. */
  info(text: string): void;
}

/** The number of a level is also from which setting on it is shown; its names are syslog(3)'s. */
const severities = {
  error: { level: 1, name: 'err', priority: 3 },
  warn: { level: 2, name: 'warning', priority: 4 },
  info: { level: 3, name: 'info', priority: 6 },
} as const;
type Severity = keyof typeof severities;

/** A message to one place. It never throws: what cannot be told must not keep a crash kernel from being loaded. */
type Tell = (text: string, severity: Severity) => void;

export function serviceLog(levels: Sysconfig['logLevels'], stderr: (line: string) => void): Log {
  const outputs: readonly (readonly [LogLevel, Tell])[] = [
    [
      levels.stderr,
      (text, severity) =>
        stderr(
          `kdump: ${severity === 'info' ? '' : `${severity === 'warn' ? 'warning' : severity}: `}${text}`,
        ),
    ],
    [levels.syslog, tellSyslog],
    [levels.kernelLog, tellKernelLog],
  ];
  const tell = (severity: Severity) => (text: string) => {
    for (const [level, output] of outputs) if (level >= severities[severity].level) output(text, severity);
  };
  return { error: tell('error'), warn: tell('warn'), info: tell('info') };
}

const tellSyslog: Tell = (text, severity) => {
  const priority = `daemon.${severities[severity].name}`;
  spawnSync('logger', ['-t', 'kdumpctl', '-p', priority, '--', text], { stdio: 'ignore', timeout: 5000 });
};

const tellKernelLog: Tell = (text, severity) => {
  try {
    writeFileSync('/dev/kmsg', `<${severities[severity].priority}>kdumpctl: ${text.replaceAll('\n', ' ')}\n`);
  } catch {
    // Not root, or no such device: the other places have it.
  }
};
