/**
 * Writes a value as TOML on one line, exactly: what is not TOML (null, a function, a date) is refused
 * rather than guessed, because the program takes a value it cannot parse for a plain string.
 */
import { Failure } from '../../kit/errors.ts'
import { isTable } from '../workers/json.ts'

export function tomlValue(value: unknown, where: string): string {
  switch (typeof value) {
    case 'string':
      return tomlString(value)
    case 'boolean':
      return String(value)
    case 'number':
      return tomlNumber(value)
    case 'object':
      if (Array.isArray(value)) {
        return `[${value.map((item, index) => tomlValue(item, `${where}[${index}]`)).join(',')}]`
      }
      if (isTable(value)) {
        const pairs = Object.entries(value).filter(([, item]) => item !== undefined)
        return `{${pairs.map(([key, item]) => `${tomlKey(key)}=${tomlValue(item, `${where}.${key}`)}`).join(',')}}`
      }
  }
  throw new Failure('bad-config', `codex.config: ${where} has no value that TOML can express`, {
    hint: 'Give it a string, a number, true, false, a list or a table, or remove the line.',
  })
}

function tomlKey(key: string): string {
  return isBareKey(key) ? key : tomlString(key)
}

export function isBareKey(key: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(key)
}

function tomlString(text: string): string {
  // JSON's escapes are TOML's, but for two: DEL must be escaped, and half a surrogate pair must not appear.
  const scalar = text.replace(/\p{Surrogate}/gu, '\ufffd')
  return JSON.stringify(scalar).replace(/\x7f/g, '\\u007f')
}

function tomlNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  // Past 2^53 an integer is no longer exact and may not fit TOML's 64 bits: say that it is a float.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return value.toExponential()
  return String(value)
}
