import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Json, JsonObject } from './json.ts'

export interface Condition {
  status?: number
  path?: string
  equals?: Json
  exists?: boolean
  matches?: string
}

/** One step of a scenario; `{{name}}` in its texts stands for a captured value. */
export interface Step {
  id: string
  note?: string
  /** root, oper, limited, none or bad. */
  as?: string
  method?: string
  path?: string
  params?: Json
  body?: 'json' | 'form' | 'query'
  raw?: Json
  contentType?: string
  headers?: Record<string, Json>
  authorization?: string
  /** Names for parts of the answer. */
  capture?: Record<string, string>
  /** `task`: wait for the end of the task whose UPID was returned. */
  wait?: string
  /** A captured UPID to wait for. */
  await?: string
  timeout_s?: number
  sleep_s?: number
  poll?: { until: Condition; every_s?: number; timeout_s?: number }
  series?: { count: number; every_s: number }
  only?: Record<string, Json>
  /** A precondition no API call can make. */
  hook?: Json[]
  ignore?: string[]
  log?: string
  compareConnection?: boolean
  /** A race: a difference is printed but not counted. */
  optional?: boolean
}

export interface Answer {
  /** 0: no answer. */
  status: number
  reason: string
  contentType: string | null
  connection: string | null
  json?: Json
  text?: string
  pollFailed?: boolean
}

export interface TaskEnd {
  exitstatus: string
  type: string
  id: string
  user: string
  log: string[]
}

export interface Sample {
  t: number
  status: number
  json?: Json
}

/** What happened at one step, in a recording or now. */
export interface Exchange {
  id: string
  note: string
  hook?: Json[]
  done?: boolean
  await?: string
  request?: JsonObject
  response?: Answer
  task?: TaskEnd | null
  samples?: Sample[]
  captured?: Record<string, Json>
  ignore?: string[]
  log?: string
  compareConnection?: boolean
  optional?: boolean
}

export interface Recording {
  name: string
  scenario: Step[]
  exchanges: Exchange[]
}

const folder = fileURLToPath(new URL('../recordings', import.meta.url))

/** Names of all recordings, without `.json`. */
export function recordingNames(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -5))
    .toSorted()
}

export function readRecording(name: string): Recording {
  const { scenario, exchanges } = JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8')) as Omit<Recording, 'name'>
  return { name, scenario, exchanges }
}
