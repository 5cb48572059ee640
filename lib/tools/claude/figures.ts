/** Token figures as Claude Code writes them: what came from the cache, or went there, is beside the input and not in it. */
import { isTable } from '../workers/json.ts'
import { addUsage, noUsage, type Usage } from '../workers/usage.ts'

/** Of one answer; null when they are not there. */
export function figuresIn(value: unknown): Usage | null {
  if (!isTable(value) || typeof value.input_tokens !== 'number') return null
  const { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens } = value
  return figures(input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens)
}

/** Of a whole run, all its models together; null when the result does not say. */
export function totalOf(result: Record<string, unknown>): Usage | null {
  const models = isTable(result.modelUsage) ? Object.values(result.modelUsage).filter(isTable) : []
  if (models.length === 0) return figuresIn(result.usage)
  return models
    .map((one) =>
      figures(one.inputTokens, one.outputTokens, one.cacheReadInputTokens, one.cacheCreationInputTokens),
    )
    .reduce(addUsage, noUsage)
}

function figures(fresh: unknown, sent: unknown, cached: unknown, stored: unknown): Usage {
  const input = count(fresh) + count(cached) + count(stored)
  const output = count(sent)
  return { input, cached_input: count(cached), output, reasoning: 0, total: input + output }
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0
}
