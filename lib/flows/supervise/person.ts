/**
 * Tells a person, by each way at once. A command may take a minute and come to nothing: the passes go on meanwhile, and
 * one of them says what came of it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Failure, reasonOf } from '../../kit/errors.ts'
import { oneLine } from '../../kit/text.ts'
import { afterTelling, dueFor, newsText, newsTitle, type Trouble, type Ways } from '../../rules/escalation.ts'
import type { Config } from '../../state/schema/config.ts'
import type { Channel } from '../../state/schema/supervision.ts'
import { tellByCommand } from '../../tools/notify/command.ts'
import { tellDesktop } from '../../tools/notify/desktop.ts'
import { tellWebhook } from '../../tools/notify/webhook.ts'
import type { Context } from '../context.ts'
import type { Observed } from '../settle.ts'
import { environmentFor, noteInTrails, readEscalations, save } from './escalations.ts'

/** What is being told now; null: nothing. */
let telling: Promise<string[]> | null = null

export const isTelling = (): boolean => telling !== null

/** Milliseconds: most commands are done by then. */
const shortly = 500

/** Tells what is due, unless it is still at that. @returns what was told, once that is known */
export async function tellPeople(
  context: Context,
  seen: Observed,
  troubles: readonly Trouble[],
): Promise<string[]> {
  const wait = telling ? 0 : shortly
  telling ??= tellAll(context, seen, troubles)
  return await outcome(Promise.race([telling, delay(wait, null, { ref: false })]))
}

/** For whoever is about to leave: what is being told is told to its end. */
export async function untilTold(): Promise<string[]> {
  return telling ? await outcome(telling) : []
}

async function outcome(heard: Promise<string[] | null>): Promise<string[]> {
  try {
    const did = await heard
    if (did === null) return []
    telling = null
    return did
  } catch (error) {
    telling = null
    throw error
  }
}

async function tellAll(context: Context, seen: Observed, troubles: readonly Trouble[]): Promise<string[]> {
  const due = dueFor(readEscalations(context).tasks, waysOf(context.config), new Date())
  const said = await Promise.all(
    [...due].map(([channel, ids]) => {
      const news = troubles.filter(({ id }) => ids.includes(id))
      return news.length > 0 ? tellOn(context, seen, channel, news) : []
    }),
  )
  return said.flat()
}

async function tellOn(
  context: Context,
  seen: Observed,
  channel: Channel,
  news: readonly Trouble[],
): Promise<string[]> {
  const before = readEscalations(context)
  // First: what cannot be written down afterwards (a full disk) would be told again at each pass.
  save(context, before)
  const problem = await tellBy(context, channel, news)
  const known = readEscalations(context)
  // What a task needs somebody for by now may be something else, of which nobody was told.
  const told = news.map(({ id }) => id).filter((id) => known.tasks[id]?.key === before.tasks[id]?.key)
  save(context, { ...known, tasks: afterTelling(known.tasks, told, channel, problem, new Date()) })
  const said = problem === null ? `a person was told (${channel})` : `a person could not be told: ${problem}`
  noteInTrails(context, seen, news, said)
  return [`${news.map(({ id }) => id).join(', ')}: ${said}`]
}

/** Milliseconds that a command has to tell somebody. */
const longestCommand = 60_000

async function tellBy(context: Context, channel: Channel, news: readonly Trouble[]): Promise<string | null> {
  const { config, repo, paths } = context
  const { command, webhook } = config.notify
  const { tasks } = readEscalations(context)
  const text = newsText(repo.main, news, tasks, new Date())
  try {
    if (channel === 'command' && command !== null) {
      const options = {
        cwd: repo.main,
        env: environmentFor(context, news),
        news: text,
        log: paths.supervisorLog,
      }
      const problem = await tellByCommand(command, { ...options, limit: longestCommand })
      return problem && `notify.command: ${problem}`
    }
    if (channel === 'webhook' && webhook !== null) {
      const problem = await tellWebhook(webhook, { text, repository: repo.main, tasks: news })
      return problem && `notify.webhook: ${problem}`
    }
    return await tellDesktop(newsTitle(repo.main, news), text, repo.main)
  } catch (error) {
    // A program that is not there.
    if (error instanceof Failure) return `notify.${channel}: ${oneLine(reasonOf(error), 200)}`
    throw error
  }
}

export function waysOf({ notify: { command, webhook, desktop, after_minutes } }: Config): Ways {
  const channels = [
    ...(command === null ? [] : ['command' as const]),
    ...(webhook === null ? [] : ['webhook' as const]),
    ...(desktop ? ['desktop' as const] : []),
  ]
  return { channels, after_minutes }
}
