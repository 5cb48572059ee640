/**
 * A signal for work that may take so long and no longer. Not AbortSignal.timeout inside AbortSignal.any: nothing holds
 * the one that `any` knows of, so it can be collected as garbage, and then its time never comes (Node 20).
 */

/** A timer takes no more: it would be over at once. */
const longest = 2 ** 31 - 1

/** @param wait milliseconds; 0 and Infinity: no limit but `signal` */
export async function withTimeLimit<T>(
  wait: number,
  signal: AbortSignal | undefined,
  work: (giveUp: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController()
  const limited = wait > 0 && wait < Infinity
  const timer = limited ? setTimeout(() => late.abort(), Math.min(Math.ceil(wait), longest)) : undefined
  try {
    return await work(AbortSignal.any(signal ? [signal, late.signal] : [late.signal]))
  } finally {
    clearTimeout(timer)
  }
}
