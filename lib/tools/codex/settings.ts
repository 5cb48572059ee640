/**
 * What a person can choose about the worker program. The schema that reads it from a file lives with the
 * other schemas and has this same shape; nothing here is checked again.
 */
export interface CodexSettings {
  /** The program itself; null finds it on PATH or in the npm package. */
  path: string | null
  /** True lets a worker see the person's own config.toml, rules, plugins and the servers named below. */
  user_config: boolean
  /**
   * The person's MCP servers a worker may start, by name; ['*'] keeps all. Only with `user_config`: without
   * it a worker has none. Empty means none, because every worker would start its own copy of each.
   */
  mcp_servers: string[]
  /** Values for the program's own configuration, dotted or nested; they win over ours. */
  config: Record<string, unknown>
  /** Further command line flags, passed on as they are. */
  flags: string[]
}
