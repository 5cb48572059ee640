/** The settings that point codex at the scripted model and keep it from calling anyone else. */

/** The variable that carries the (meaningless) key. */
export const keyVariable = 'SCRIPTED_KEY'

/** Dotted keys and plain values, for `codex -c key=value`. Retries are few and short. */
export function codexConfig(url: string): Record<string, string | number | boolean> {
  const provider = 'model_providers.scripted'
  return {
    model_provider: 'scripted',
    [`${provider}.name`]: 'scripted',
    [`${provider}.base_url`]: url,
    [`${provider}.wire_api`]: 'responses',
    [`${provider}.env_key`]: keyVariable,
    [`${provider}.supports_websockets`]: false,
    [`${provider}.request_max_retries`]: 1,
    [`${provider}.stream_max_retries`]: 2,
    [`${provider}.stream_idle_timeout_ms`]: 20_000,
    check_for_update_on_startup: false,
    'analytics.enabled': false,
    'feedback.enabled': false,
    'features.plugins': false,
    'features.remote_plugin': false,
    'features.apps': false,
    'features.unbounded_connection_retries': false,
  }
}

/** The same as command-line arguments. JSON is TOML for these values. */
export function codexFlags(config: Record<string, unknown>): string[] {
  return Object.entries(config).flatMap(([key, value]) => ['-c', `${key}=${JSON.stringify(value)}`])
}
