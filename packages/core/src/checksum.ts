import { crc32 } from 'node:zlib'

/** A CRC-32 as it is written: eight hexadecimal digits. */
export const crcInHex = (crc: number): string => crc.toString(16).padStart(8, '0')

/** Tells a text that was cut off or changed from the one that was written. */
export const checksum = (text: string): string => crcInHex(crc32(text))
