// UTF-8 by hand: the engine has no TextEncoder.

/** Text as bytes. A lone surrogate becomes U+FFFD. */
export function utf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    let point = character.codePointAt(0) ?? 0;
    if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 63));
    else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    else {
      bytes.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    }
  }
  return Uint8Array.from(bytes);
}

/** Bytes as text. What is not UTF-8 becomes U+FFFD. */
export function fromUtf8(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] ?? 0;
    const length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
    let point = length === 1 ? first : first & (0xff >> (length + 1));
    let used = 1;
    while (used < length && ((bytes[at + used] ?? 0) & 0xc0) === 0x80) {
      point = (point << 6) | ((bytes[at + used] ?? 0) & 63);
      used += 1;
    }
    const smallest = [0, 0, 0x80, 0x800, 0x10000][length] ?? 0;
    const isWhole = length > 0 && used === length && point >= smallest && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
    text += isWhole ? String.fromCodePoint(point) : "\ufffd";
    at += used;
  }
  return text;
}
