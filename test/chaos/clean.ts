/** After any harm: the fsck finds nothing that a person would have to mend. */
import type { Sandbox } from '../support/sandbox.ts'

/** What `doctor --strict` finds in a sandbox, one line each; nothing when it is clean. */
export async function complaints(box: Sandbox): Promise<readonly string[]> {
  const ran = await box.json('doctor', '--strict')
  if (ran.exitCode === 0) return []
  if (!ran.stdout.startsWith('{')) return [`doctor ended with ${ran.exitCode}: ${ran.stderr}`]
  const findings: readonly { code: string; what: string }[] = ran.json.data?.findings ?? []
  return findings.length > 0 ? findings.map(({ code, what }) => `${code}: ${what}`) : [ran.stdout]
}
