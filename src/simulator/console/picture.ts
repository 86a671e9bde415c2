// The screen of a simulated guest: a few lines of text in a small font of our own, black and white.

export const width = 320
export const height = 120
const scale = 4
const glyphWidth = 3
const glyphHeight = 5

/** Five rows of three dots, each row an octal digit. */
const glyphs: Readonly<Record<string, string>> = {
  A: '25755',
  B: '65656',
  C: '34443',
  D: '65556',
  E: '74647',
  F: '74644',
  G: '34553',
  H: '55755',
  I: '72227',
  J: '11152',
  K: '55655',
  L: '44447',
  M: '57755',
  N: '65555',
  O: '25552',
  P: '65644',
  Q: '25563',
  R: '65655',
  S: '34216',
  T: '72222',
  U: '55557',
  V: '55552',
  W: '55775',
  X: '55255',
  Y: '55222',
  Z: '71247',
  0: '75557',
  1: '26227',
  2: '61247',
  3: '61216',
  4: '55711',
  5: '74616',
  6: '34757',
  7: '71244',
  8: '75757',
  9: '75716',
  '-': '00700',
  '.': '00002',
  ':': '02020',
  '/': '11244',
  _: '00007',
  '@': '25743',
  '>': '42124',
  '!': '22202',
  '?': '61202',
  ',': '00024',
  '#': '57575',
  '*': '52725',
  '+': '02720',
  '=': '07070',
  '(': '24442',
  ')': '21112',
}

/** One byte a dot, 1 is lit; small letters are drawn as capitals, what has no glyph as a gap. */
export function draw(lines: readonly string[]): Uint8Array {
  const dots = new Uint8Array(width * height)
  const perLine = Math.floor(width / ((glyphWidth + 1) * scale))
  for (const [row, line] of lines.entries())
    for (const [column, char] of Array.from(line.slice(-perLine)).entries())
      drawGlyph(dots, glyphs[char.toUpperCase()] ?? '00000', {
        x: column * (glyphWidth + 1) * scale + scale,
        y: row * (glyphHeight + 2) * scale + scale,
      })
  return dots
}

function drawGlyph(dots: Uint8Array, glyph: string, at: { x: number; y: number }): void {
  for (let y = 0; y < glyphHeight * scale; y++) {
    const bits = Number(glyph[Math.floor(y / scale)] ?? 0)
    for (let x = 0; x < glyphWidth * scale; x++) {
      const isLit = (bits >> (glyphWidth - 1 - Math.floor(x / scale))) & 1
      if (isLit && at.y + y < height && at.x + x < width) dots[(at.y + y) * width + at.x + x] = 1
    }
  }
}
