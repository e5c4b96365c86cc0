/** vmcoreinfo from an object: `{ 'SYMBOL(prb)': 0xffff…n, 'SIZE(page)': 64 }`, as the kernel prints it. */

export type InfoLines = Readonly<Record<string, string | number | bigint>>;

/** SYMBOL values become hexadecimal without a prefix, as the kernel's VMCOREINFO_SYMBOL() writes them; the rest decimal. */
export const vmcoreinfoText = (...groups: readonly InfoLines[]): string =>
  Object.entries(Object.assign({}, ...groups) as InfoLines)
    .map(([key, value]) => {
      const isAddress = key.startsWith('SYMBOL(') && typeof value === 'bigint';
      return `${key}=${isAddress ? value.toString(16) : String(value)}\n`;
    })
    .join('');
