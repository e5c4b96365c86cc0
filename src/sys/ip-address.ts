/** node:net's tests of addresses, without loading it and its streams before one is asked for. */
import { nodeNet } from './late-modules.ts';

/** 4, 6, or 0 for what is no address. */
export const isIP = (text: string): number => nodeNet().isIP(text);
export const isIPv4 = (text: string): boolean => nodeNet().isIPv4(text);
export const isIPv6 = (text: string): boolean => nodeNet().isIPv6(text);
