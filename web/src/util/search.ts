// Parses the filters of the problem list from the URL. Unknown and malformed values are dropped.

const DIFFICULTIES = ['easy', 'medium', 'hard'] as const
const STATES = ['solved', 'attempted', 'unsolved', 'new'] as const
const SORTS = ['title', 'newest', 'difficulty', 'solved'] as const

export type Difficulty = (typeof DIFFICULTIES)[number]

/** The server's maximum number of tags per search, and of characters per tag. */
export const TAGS_MAX = 20
const TAG_CHARS_MAX = 40

/** The tags of a search: `graphs,trees`. A tag has no comma. */
export const tagsOf = ({ tag }: Pick<ListSearch, 'tag'>): string[] => (tag === undefined ? [] : tag.split(','))

const tagText = (value: unknown): string | undefined => {
  const words = (text(value, TAGS_MAX * (TAG_CHARS_MAX + 1)) ?? '').split(',').map((word) => word.trim().slice(0, TAG_CHARS_MAX))
  const tags = [...new Set(words)].filter((word) => word !== '').slice(0, TAGS_MAX)
  return tags.length === 0 ? undefined : tags.join(',')
}

export interface ListSearch {
  q?: string
  difficulty?: Difficulty
  /** Tags, separated by commas. A listed problem has all of them. */
  tag?: string
  state?: (typeof STATES)[number]
  sort?: (typeof SORTS)[number]
  page?: number
}

const one = <T extends string>(values: readonly T[], value: unknown): T | undefined =>
  values.find((known) => known === value)

const text = (value: unknown, max: number): string | undefined => {
  const trimmed = typeof value === 'string' || typeof value === 'number' ? String(value).trim().slice(0, max) : ''
  return trimmed === '' ? undefined : trimmed
}

/** The filters. `q` has at most 100 characters, which is the server's maximum. */
export function listSearch(raw: Record<string, unknown>): ListSearch {
  const found: { [K in keyof ListSearch]: ListSearch[K] | undefined } = {
    q: text(raw['q'], 100),
    difficulty: one(DIFFICULTIES, raw['difficulty']),
    tag: tagText(raw['tag']),
    state: one(STATES, raw['state']),
    sort: one(SORTS, raw['sort']),
    page: pageOf(raw['page']),
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as ListSearch
}

export interface PageSearch {
  page?: number
}

const pageOf = (raw: unknown): number | undefined => {
  const page = Number(raw)
  return Number.isInteger(page) && page > 1 && page < 100_000 ? page : undefined
}

export function pageSearch(raw: Record<string, unknown>): PageSearch {
  const page = pageOf(raw['page'])
  return page === undefined ? {} : { page }
}

const CONTEST_VIEWS = ['standings', 'clarifications'] as const
export type ContestView = (typeof CONTEST_VIEWS)[number]

export interface ContestSearch {
  /** The part of a contest that is shown. The default is the problems. */
  view?: ContestView
  /** The problem from whose page the questions were opened, by its slug. */
  about?: string
}

export function contestSearch(raw: Record<string, unknown>): ContestSearch {
  const { about } = raw
  const view = one(CONTEST_VIEWS, raw['view'])
  return { ...(view !== undefined && { view }), ...(view === 'clarifications' && typeof about === 'string' && SLUG.test(about) && { about }) }
}

const ACCOUNT_VIEWS = ['submissions', 'programs', 'security', 'keys'] as const
export type AccountView = (typeof ACCOUNT_VIEWS)[number]

export interface AccountSearch extends PageSearch {
  /** The part of the account page that is shown. The default is the progress. */
  view?: AccountView
}

export function accountSearch(raw: Record<string, unknown>): AccountSearch {
  const view = one(ACCOUNT_VIEWS, raw['view'])
  return view === undefined ? {} : { view, ...pageSearch(raw) }
}

/** The server's pattern for slugs. */
const SLUG = /^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/

/** The slug of a contest in what a person has typed: the slug itself, or the address of a page of the contest. */
export function contestIn(typed: string): string | undefined {
  const slug = (/\/contests\/([^/?#\s]+)/.exec(typed)?.[1] ?? typed).trim().toLowerCase()
  return SLUG.test(slug) ? slug : undefined
}

const PROBLEM_VIEWS = ['code', 'result', 'submissions', 'editorial'] as const
export type ProblemTab = (typeof PROBLEM_VIEWS)[number]

export interface ProblemSearch {
  /** The contest from which the problem was opened. */
  contest?: string
  /** The submission whose result is shown. */
  submission?: string
  /** The tab. The default is the statement. `code` and `result` are tabs of narrow windows. */
  view?: ProblemTab
}

/** Malformed values are dropped. */
export function problemSearch(raw: Record<string, unknown>): ProblemSearch {
  const { contest, submission } = raw
  const view = one(PROBLEM_VIEWS, raw['view'])
  return {
    ...(typeof contest === 'string' && SLUG.test(contest) && { contest }),
    ...(typeof submission === 'string' && /^[0-9a-f-]{36}$/i.test(submission) && { submission }),
    ...(view !== undefined && { view }),
  }
}

export interface PlaySearch {
  /** The tab of narrow windows. The default is the code. */
  view?: 'result'
}

export const playSearch = (raw: Record<string, unknown>): PlaySearch => (raw['view'] === 'result' ? { view: 'result' } : {})

/** `embed`: whether the page is shown in a frame of another site. */
export function embedSearch(raw: Record<string, unknown>): PlaySearch & { embed?: 1 } {
  return { ...playSearch(raw), ...(String(raw['embed']) === '1' && { embed: 1 }) }
}

/** Accepts only a path of this site, so that a crafted link cannot lead the user to another site after sign-in. */
export function ownPath(raw: unknown): string | undefined {
  return typeof raw === 'string' && /^\/(?![/\\])[^\s\\]*$/.test(raw) ? raw : undefined
}
