/** What the power cuts' writer writes as its n-th, so that whoever reads knows what must be there. */
import { newStatus } from '../../lib/state/new-status.ts'
import type { Event } from '../../lib/state/schema/event.ts'
import type { Status } from '../../lib/state/schema/status.ts'
import { plainSettings } from '../support/records.ts'

const at = '2026-01-01T00:00:00.000Z'

/** Its `spec_revision` tells which one it is. */
export function status(id: string, n: number): Status {
  const settings: Status['settings'] = {
    ...plainSettings,
    tags: Array.from({ length: n % 50 }, (_, k) => `tag-${n}-${k}`),
  }
  return {
    ...newStatus({ id, title: `task ${n}`, settings, spec_sha256: '', created: at }),
    spec_revision: n,
  }
}

export const event = (n: number): Event => ({
  at,
  task: 'home',
  type: 'note',
  attempt: 0,
  text: `line ${n}.`,
})

/** Some of one block, some of several. */
export const spec = (n: number): string =>
  `${`This is number ${n}.\n`.repeat(1 + ((n * 37) % 600))}The end.\n`
