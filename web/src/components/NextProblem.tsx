// After an accepted submission: the next unsolved problem, and the way back to the list.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { api, dataOf, type Schema } from '../api/client'
import { editing } from '../i18n/editing'
import { useTexts } from '../i18n/messages'
import { buttonClass } from '../ui/Button'
import { Bone } from '../ui/Skeleton'
import { nextProblem } from '../util/next-problem'
import { withoutOverrides } from '../util/visible'

/** The server's maximum. */
const LIMIT = 100

const read = async (page: number, difficulty: string | undefined) => {
  const { problems, pagination } = await dataOf(api.GET('/api/v1/problems', { params: { query: { state: 'unsolved', limit: LIMIT, page, ...(difficulty !== undefined && { difficulty }) } } }))
  return { problems, pages: Math.ceil(pagination.total / LIMIT) }
}

export function NextProblem({ of }: { of: Schema['ProblemLineView'] }) {
  const { onward } = useTexts(editing)
  const next = useQuery({ queryKey: ['problems', 'next', of.slug, of.title], queryFn: () => nextProblem(of, read) })
  if (next.isPending) return <Bone className="h-9" />
  return (
    <p className="flex flex-wrap items-center gap-2">
      {next.data === null && <span className="text-muted">{onward.none}</span>}
      {next.data != null && (
        <Link to="/problems/$slug" params={{ slug: next.data.slug }} className={`${buttonClass()} min-w-0 max-w-full`}>
          <span className="truncate">{onward.next(withoutOverrides(next.data.title))}</span>
        </Link>
      )}
      <Link to="/problems" className={buttonClass('quiet')}>
        {onward.list}
      </Link>
    </p>
  )
}
