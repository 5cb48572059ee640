/**
 * Our own view of the repository's git directory: the real objects, refs and worktrees by symbolic
 * link, and a configuration of our own.
 *
 * A worker can write the shared .git/config, and many of its keys make git run a program
 * (core.fsmonitor, filter.*, diff.*.textconv, core.sshCommand, credential.helper …). Overriding each on
 * the command line is a list that is never complete, so the trusted side does not read that file: it
 * reads a copy which holds only keys from a closed list that cannot run anything. Hooks are absent;
 * info/exclude and info/attributes are copies too.
 *
 * The copy is taken when no worker lives, nor one was lost. A change found while one lives, or at the end of one, is not
 * adopted (a worker could point a remote elsewhere) until a person runs `dirigent init`.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errno, Failure } from '../../kit/errors.ts'
import {
  diskFailure,
  makeDirectory,
  removeIfEmpty,
  renameDurable,
  temporaryName,
  writeFileDurable,
} from '../../kit/files.ts'
import { refuseKilled, run } from '../../kit/proc.ts'
import { oneLine } from '../../kit/text.ts'
import { gitEnvironment } from './environment.ts'

const linked = ['objects', 'refs', 'packed-refs', 'logs', 'worktrees', 'shallow']

/** Copied, not linked: one line in info/exclude would hide every other task's leftovers. Grafts stay out. */
const copied = ['info/exclude', 'info/attributes']

/** Section.key, or section.*.key where there is a subsection. None of these can name a program. */
const allowed = new Set([
  ...['repositoryformatversion', 'filemode', 'bare', 'symlinks', 'ignorecase', 'precomposeunicode'].map(
    (k) => `core.${k}`,
  ),
  ...['autocrlf', 'eol', 'safecrlf', 'compression', 'logallrefupdates', 'sharedrepository', 'abbrev'].map(
    (k) => `core.${k}`,
  ),
  ...['bigfilethreshold', 'longpaths', 'protecthfs', 'protectntfs', 'trustctime', 'checkstat'].map(
    (k) => `core.${k}`,
  ),
  ...['objectformat', 'partialclone', 'refstorage', 'compatobjectformat'].map((k) => `extensions.${k}`),
  ...['name', 'email', 'useconfigonly'].map((k) => `user.${k}`),
  ...['url', 'fetch', 'promisor', 'partialclonefilter', 'tagopt'].map((k) => `remote.*.${k}`),
  ...['remote', 'merge'].map((k) => `branch.*.${k}`),
  'merge.renames',
  'diff.renames',
  'i18n.commitencoding',
])

/**
 * Which changes of the configuration are taken: none ('ask-a-person'), one that was not refused before
 * ('no-worker-lives'), any ('a-person-said-so').
 */
export type Adopt = 'ask-a-person' | 'no-worker-lives' | 'a-person-said-so'
export type Adoption = 'unchanged' | 'adopted' | 'refused'

/**
 * Makes the view when it is missing and brings it up to date when that is allowed.
 * @param asked as a function: called only when there is a change
 */
export async function ensureTrusted(
  gitDir: string,
  trusted: string,
  asked: Adopt | (() => Promise<Adopt>),
): Promise<Adoption> {
  makeTargets(gitDir)
  const sha256 = digest(gitDir)
  const known = readIfThere(join(trusted, 'config.sha256'))
  if (known === sha256) return 'unchanged'
  const adopt = typeof asked === 'function' ? await asked() : asked
  if (known !== undefined && adopt === 'ask-a-person') return 'refused'
  if (adopt === 'no-worker-lives' && readIfThere(join(trusted, 'config.refused')) === sha256) return 'refused'
  const safe = await safeConfig(join(gitDir, 'config'))
  if (!existsSync(trusted)) makeView(gitDir, trusted)
  for (const name of copied) writeFileDurable(join(trusted, name), contentOf(join(gitDir, name)))
  writeFileDurable(join(trusted, 'config'), safe)
  writeFileDurable(join(trusted, 'config.sha256'), sha256)
  return 'adopted'
}

/** Remembers that this configuration appeared under a worker. True when it was news. */
export function refuseChanges(gitDir: string, trusted: string): boolean {
  const sha256 = digest(gitDir)
  if (readIfThere(join(trusted, 'config.sha256')) === sha256) return false
  const refused = join(trusted, 'config.refused')
  if (readIfThere(refused) === sha256) return false
  writeFileDurable(refused, sha256)
  return true
}

/** Is the configuration one that appeared under a worker and that nobody has taken responsibility for? */
export function isRefused(gitDir: string, trusted: string): boolean {
  const sha256 = digest(gitDir)
  const adopted = readIfThere(join(trusted, 'config.sha256')) === sha256
  return !adopted && readIfThere(join(trusted, 'config.refused')) === sha256
}

/** Remotes that our configuration knows an address of. */
export function configuredRemotes(trusted: string): ReadonlySet<string> {
  const config = readFileSync(join(trusted, 'config'), 'utf8')
  const sections = config.matchAll(/^\[remote "((?:[^"\\]|\\.)*)"\]\n\turl = /gm)
  return new Set([...sections].map((match) => (match[1] ?? '').replace(/\\(.)/g, '$1')))
}

/** git removes these when they are empty (gc, the last worktree of a person); our links must lead somewhere. */
export function makeTargets(gitDir: string): void {
  for (const name of emptied) makeDirectory(join(gitDir, name))
}

/** When there is no view any more: those that hold nothing go. */
export function dropTargets(gitDir: string): void {
  for (const name of emptied) removeIfEmpty(join(gitDir, name))
}

const emptied = ['worktrees', 'logs']

/** Built beside and renamed in, so that it is whole whenever it exists. */
function makeView(gitDir: string, trusted: string): void {
  const temporary = temporaryName(trusted)
  try {
    mkdirSync(dirname(trusted), { recursive: true })
    mkdirSync(join(temporary, 'info'), { recursive: true })
    for (const name of linked) symlinkSync(join(gitDir, name), join(temporary, name))
    // git wants some HEAD here; the real ones belong to the checkouts.
    writeFileSync(join(temporary, 'HEAD'), 'ref: refs/heads/none\n')
    renameDurable(temporary, trusted)
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true })
    if (errno(error) !== 'ENOTEMPTY' && errno(error) !== 'EEXIST') throw diskFailure(error, trusted)
  }
}

/** The allowed keys of a configuration file, as a configuration file. Listing it runs nothing. */
async function safeConfig(source: string): Promise<string> {
  const env = gitEnvironment({ GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' })
  const args = ['config', '--file', source, '--no-includes', '--null', '--list']
  if (!existsSync(source)) return ''
  const listed = await run('git', args, { cwd: '/', env, timeout: 10_000 })
  refuseKilled('git config', listed)
  if (listed.exitCode !== 0) {
    throw new Failure('git-failed', `git cannot read ${source}: ${oneLine(listed.stderr, 300)}`, {
      hint: 'Mend that file, then repeat the command.',
    })
  }
  return listed.stdout
    .toString()
    .split('\0')
    .filter((entry) => entry !== '')
    .map(safeEntry)
    .join('')
}

function safeEntry(entry: string): string {
  const newline = entry.indexOf('\n')
  const key = newline === -1 ? entry : entry.slice(0, newline)
  const value = newline === -1 ? 'true' : entry.slice(newline + 1)
  const first = key.indexOf('.')
  const last = key.lastIndexOf('.')
  const section = key.slice(0, first)
  const name = key.slice(last + 1)
  const subsection = first === last ? null : key.slice(first + 1, last)
  if (!allowed.has(subsection === null ? `${section}.${name}` : `${section}.*.${name}`)) return ''
  const quoted = subsection === null ? '' : ` "${subsection.replace(/[\\"]/g, '\\$&')}"`
  return `[${section}${quoted}]\n\t${name} = "${value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n').replace(/\t/g, '\\t')}"\n`
}

function digest(gitDir: string): string {
  const hash = createHash('sha256')
  for (const name of ['config', ...copied]) hash.update(contentOf(join(gitDir, name))).update('\0')
  return hash.digest('hex')
}

/** Empty for what is no file: a worker may have put a FIFO there, which would block us. */
function contentOf(path: string): Buffer {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path) : Buffer.alloc(0)
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}
