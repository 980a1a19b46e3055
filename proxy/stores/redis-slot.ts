// Which of the 16,384 slots of a cluster a name belongs to, as the specification of Redis Cluster has it: CRC16
// (XMODEM) of what stands between the first braces, or of all of it.

const slots = 16_384

export function slotOf(name: string): number {
  const open = name.indexOf('{')
  const close = name.indexOf('}', open + 1)
  const tag = open >= 0 && close > open + 1 ? name.slice(open + 1, close) : name
  let crc = 0
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff
  }
  return crc % slots
}
