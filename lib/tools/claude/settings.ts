/** What a person can choose about Claude Code as a worker; the schema that reads it from a file has this same shape. */
export interface ClaudeSettings {
  /** The program itself; null finds it on PATH or in the npm package. */
  path: string | null
  /** True lets a worker see the person's and the project's settings, skills, hooks and MCP servers. */
  user_config: boolean
  /** Further command line flags, passed on as they are. */
  flags: string[]
}
