// A contest with 13 problems and the standings of 300 teams, for measurements and budgets.
//
// The server and its contest are real. Only the rows are generated here, because 300 registrations would take most of
// the time.
import { asAdmin, HOUR, makeContest } from './people.mjs'

export const TEAMS = 300
const PROBLEMS = 13
const ROWS_PER_PAGE = 100

/** Creates the contest `large`. Returns its standings, which have no rows. */
export async function makeLarge(server) {
  const { problems } = await asAdmin(server, 'GET', `/problems?limit=${PROBLEMS}`)
  await makeContest(server, 'large', 'Large', -HOUR, { length_seconds: 5 * HOUR, problems: problems.map(({ slug }) => slug) })
  return asAdmin(server, 'GET', '/contests/large/standings')
}

/** Answers the page's requests for standings with generated rows. With `changes`, one row differs in each response. */
export async function fillStandings(page, standings, changes = true) {
  const cell = (team, at) => {
    const n = (team * 31 + at * 17) % 10
    return n < 4 ? { tries: 0, pending: 0, first: false } : n < 6 ? { tries: n, pending: 0, first: false } : { tries: n - 5, pending: 0, first: team === 0, solved_at_seconds: 600 + team + 60 * at }
  }
  const row = (team) => ({ rank: team + 1, username: `team-${team}`, kind: 'official', solved: 6, penalty_minutes: 300 + team, problems: standings.problems.map((_, at) => cell(team, at)) })
  let polls = 0
  await page.route('**/api/v1/contests/large/standings*', (route) => {
    const number = Number(new URL(route.request().url()).searchParams.get('page') ?? 1)
    if (number === 1) polls += 1
    const rows = Array.from({ length: ROWS_PER_PAGE }, (_, at) => row((number - 1) * ROWS_PER_PAGE + at))
    if (number === 1 && changes) rows[5].penalty_minutes += polls
    return route.fulfill({ json: { ...standings, rows, pagination: { page: number, limit: ROWS_PER_PAGE, total: TEAMS } } })
  })
}
