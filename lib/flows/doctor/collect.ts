/** Gathers what a family of checks finds, so that one thing that cannot be looked at never hides the others. */
import { Failure, reasonOf } from '../../kit/errors.ts'
import type { Finding } from '../../rules/findings.ts'

export interface Collection {
  readonly findings: readonly Finding[]
  push(...more: readonly Finding[]): void
  /** @param what looked at, for when looking breaks */
  try(what: string, look: () => Iterable<Finding>): void
  tryAsync(what: string, look: () => Promise<Iterable<Finding>>): Promise<void>
}

export function collect(): Collection {
  const findings: Finding[] = []
  return {
    findings,
    push: (...more) => void findings.push(...more),
    try(what, look) {
      try {
        for (const finding of look()) findings.push(finding)
      } catch (error) {
        findings.push(broken(what, error))
      }
    },
    async tryAsync(what, look) {
      try {
        for (const finding of await look()) findings.push(finding)
      } catch (error) {
        findings.push(broken(what, error))
      }
    },
  }
}

export const broken = (what: string, error: unknown): Finding => ({
  code: 'check-broke',
  what: `${what} could not be looked at: ${reasonOf(error)}`,
  fix: 'Mend what the message names, then look again; what else is wrong there is not known.',
})

/** A file of ours that cannot be read. */
export function unreadable(read: () => unknown): Finding[] {
  try {
    read()
    return []
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return [{ code: 'record-unreadable', what: error.message, fix: error.hint || 'Mend it or move it away.' }]
  }
}
