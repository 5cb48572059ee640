/** JSON that others wrote: a plain object or nothing, never an exception. */
export function parseTable(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return isTable(value) ? value : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** A plain object, as YAML or JSON makes it: not a list, not a date, not a class of anybody's. */
export function isTable(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
