/**
 * Draws what a command printed as a picture of a terminal: `vmcore rehearse 2>&1 | node lab/terminal-picture.ts '$ vmcore rehearse'`.
 * The text is the command's own; only the frame is ours.
 */
import { text } from 'node:stream/consumers';

const columns = 112;
const maxRows = 84;
const cell = { width: 7.3, height: 16 } as const;
const margin = 16;

const escapeXml = (raw: string): string =>
  raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const [prompt = '$ vmcore'] = process.argv.slice(2);
const lines = [prompt, ...(await text(process.stdin)).trimEnd().split('\n')]
  .slice(0, maxRows)
  .map((line) => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line));
const width = margin * 2 + columns * cell.width;
const height = margin * 2 + lines.length * cell.height;
const rows = lines.map((line, row) => {
  const colour = row === 0 ? '#9ece6a' : '#c0caf5';
  return `<text x="${margin}" y="${margin + (row + 0.8) * cell.height}" fill="${colour}" xml:space="preserve">${escapeXml(line)}</text>`;
});
process.stdout.write(
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" font-family="monospace" font-size="12">`,
    `<rect width="100%" height="100%" rx="8" fill="#1a1b26"/>`,
    ...rows,
    '</svg>\n',
  ].join('\n'),
);
