/** `doctor`: what was found, worst first, each with what to do. Pure. */
import type { Answer } from '../kit/cli.ts'
import { exits } from '../kit/errors.ts'
import { clean, oneLine, plural } from '../kit/text.ts'
import { type Finding, severityOf } from '../rules/findings.ts'

export interface FoundView extends Finding {
  readonly fixed: boolean
  readonly trouble: string | null
}

const marks = { error: '!', warning: '·', note: '·' } as const

export interface ReportView {
  /** Program → version. */
  readonly versions: { readonly [program: string]: string | undefined }
  readonly findings: readonly FoundView[]
}

export function doctorAnswer(report: ReportView, strict: boolean): Answer {
  const { findings, versions } = report
  const left = findings.filter((finding) => !finding.fixed)
  const mendable = left.some((finding) => finding.mend && finding.trouble === null)
  const commands = left.flatMap((finding) => finding.next ?? [])
  return {
    data: { findings: findings.map(record), left: left.length, versions },
    text: [summary(findings.length, left), programs(versions), ...findings.flatMap(lines)],
    next: [...new Set([...(mendable ? ['dirigent doctor --fix'] : []), ...commands])].slice(0, 10),
    exit: strict && left.length > 0 ? exits.failed : exits.done,
  }
}

function record(finding: FoundView): Record<string, unknown> {
  return {
    code: finding.code,
    severity: severityOf(finding),
    what: clean(finding.what),
    fix: clean(finding.fix),
    fixable: finding.mend !== undefined,
    fixed: finding.fixed,
    trouble: finding.trouble === null ? null : clean(finding.trouble),
  }
}

function summary(all: number, left: readonly FoundView[]): string {
  if (all === 0) return 'nothing found'
  const fixed = all - left.length
  const counts = (['error', 'warning', 'note'] as const)
    .map((severity) => [severity, left.filter((finding) => severityOf(finding) === severity).length] as const)
    .filter(([, n]) => n > 0)
    .map(([severity, n]) => plural(n, severity))
  return [...counts, ...(fixed > 0 ? [`${fixed} mended`] : [])].join(' · ')
}

/** `git 2.43.0 · node 20.20.0 · …` */
function programs(versions: ReportView['versions']): string {
  return Object.entries(versions)
    .map(([program, version]) => oneLine(`${program} ${version}`, 60))
    .join(' · ')
}

function lines(finding: FoundView): string[] {
  const mark = finding.fixed ? '✓' : marks[severityOf(finding)]
  const head = `${mark} ${finding.code}: ${oneLine(finding.what, 300)}`
  if (finding.fixed) return [head]
  const advice =
    finding.trouble !== null
      ? `could not be mended: ${finding.trouble}`
      : finding.mend
        ? `--fix: ${finding.fix}`
        : finding.fix
  return [head, `    ${oneLine(advice, 300)}`]
}
