/** Short words for what the model does, one step for each tool result in the conversation. */
import type { Ask, Reply } from './server.ts'

export const bash = (command: string): Reply => ({ tool: 'Bash', input: { command, description: 'a step' } })

export const commit = (id: string): Reply => bash(`git add --all && git commit -qm 'add ${id}'`)

export const steps =
  (...all: Reply[]) =>
  ({ results }: Ask): Reply =>
    all[results.length] ?? { say: 'done' }
