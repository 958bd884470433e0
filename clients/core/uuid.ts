// RFC 4122 version 4. Mini-programs have no crypto.getRandomValues, so where the chance comes from is handed in.

export type RandomBytes = (count: number) => ArrayLike<number>

/** Chance of the engine itself: enough to tell forms apart, not enough for secrets. */
export const mathRandom: RandomBytes = (count) => {
  const bytes: number[] = []
  while (bytes.length < count) bytes.push(Math.floor(Math.random() * 256))
  return bytes
}

export function uuid4(random: RandomBytes = mathRandom): string {
  const bytes = Array.prototype.slice.call(random(16)) as number[]
  bytes[6] = (bytes[6] & 0x0f) | 0x40
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  const hex = bytes.map((byte) => ('0' + byte.toString(16)).slice(-2)).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
