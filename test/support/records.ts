/** Records as the verbs would have left them, for tests that write files or try rules. */
import { newStatus } from '../../lib/state/new-status.ts'
import type { Settings, Status } from '../../lib/state/schema/status.ts'

export const plainSettings: Settings = {
  needs: [],
  verify: [],
  paths: [],
  worker: 'codex',
  model: null,
  effort: null,
  attempts: 3,
  budget: { minutes: null, tokens: null },
  priority: 0,
  tags: [],
  change: 'branch',
  base: { branch: 'main', remote: null },
  plan: false,
}

export type Different = Omit<Partial<Status>, 'settings'> & { readonly settings?: Partial<Settings> }

/** A new task, and what is different about it. */
export function statusWith(id: string, { settings, ...different }: Different = {}): Status {
  const made = newStatus({
    id,
    title: id,
    settings: { ...plainSettings, ...settings },
    spec_sha256: '0'.repeat(64),
    created: '2026-02-03T04:05:06.789Z',
  })
  return { ...made, ...different }
}
