// Placeholders of the pages while they load: the same frame, without content.
import { useIsOnline } from '../hooks/useIsOnline'
import { useStoredNumber } from '../hooks/useStoredNumber'
import { useMedia } from '../hooks/useMedia'
import { Bone, BoneLines, BoneRows, Loading, Offline } from '../ui/Skeleton'
import { tabListClass } from '../ui/tab'
import { paneAbove, WIDE } from '../util/panes'

const BAR = 'flex items-center gap-2 border-b border-border bg-surface shrink-0'

/** Placeholder of the code in the editor. */
export function CodeSkeleton() {
  return (
    <div className="p-3 space-y-2.5">
      {['w-1/3', 'w-1/2', 'w-2/5', 'w-1/4'].map((width) => (
        <Bone key={width} className={`h-3.5 ${width}`} />
      ))}
    </div>
  )
}

const Tabs = ({ count }: { count: number }) => (
  <div className={`${BAR} h-[37px] pointer-coarse:h-[45px] px-4 gap-5`}>
    {Array.from({ length: count }, (_, at) => (
      <Bone key={at} className="h-3.5 w-16" />
    ))}
  </div>
)

const Toolbar = () => (
  <div className={`${BAR} h-[45px] pointer-coarse:h-[57px] px-2`}>
    <Bone className="h-8 w-40" />
    <span className="grow" />
    <Bone className="h-6 w-6" />
  </div>
)

const RunBar = () => (
  <div className="flex items-center justify-end gap-2 px-3 py-2 border-t border-border bg-surface shrink-0">
    <Bone className="h-8 pointer-coarse:h-11 w-24" />
    <Bone className="h-8 pointer-coarse:h-11 w-24" />
  </div>
)

export function StatementSkeleton() {
  return (
    <div className="px-4 sm:px-6 py-5">
      <Bone className="h-7 w-1/2" />
      <Bone className="mt-3 h-4 w-1/4" />
      <Bone className="mt-4 mb-6 h-4 w-1/3" />
      <BoneLines lines={5} className="max-w-[68ch]" />
      <BoneLines lines={4} className="mt-6 max-w-[68ch]" />
    </div>
  )
}

/** Placeholder of a problem: the statement beside the editor, or only the statement in a narrow window. */
export function ProblemSkeleton() {
  const isWide = useMedia(WIDE)
  const [share] = useStoredNumber('cupel.statement-share', 44, 20, 75)
  const [code] = useStoredNumber('cupel.editor-share', 60, 20, 85)
  if (!isWide) {
    return (
      <Loading className="workspace flex flex-col">
        <Tabs count={3} />
        <StatementSkeleton />
      </Loading>
    )
  }
  return (
    <Loading className="workspace flex">
      <div className="flex flex-col shrink-0 min-w-0" style={{ width: `${share}%` }}>
        <Tabs count={2} />
        <StatementSkeleton />
      </div>
      <div className="w-1 shrink-0 bg-border" />
      <div className="flex flex-col grow basis-0 min-w-0 min-h-0">
        <div className="flex flex-col shrink-0 min-h-0" style={{ height: paneAbove(code) }}>
          <Toolbar />
          <CodeSkeleton />
        </div>
        <div className="h-1 shrink-0 bg-border" />
        <Tabs count={4} />
        <span className="grow" />
        <RunBar />
      </div>
    </Loading>
  )
}

/** Placeholder of the playground: files and editor beside input and output. */
export function PlaySkeleton() {
  const isWide = useMedia(WIDE)
  const [share] = useStoredNumber('cupel.play-share', 54, 25, 75)
  const left = (
    <>
      <Toolbar />
      <Tabs count={1} />
      <CodeSkeleton />
    </>
  )
  if (!isWide) {
    return (
      <Loading className="workspace flex flex-col">
        <Tabs count={2} />
        {left}
        <span className="grow" />
        <RunBar />
      </Loading>
    )
  }
  return (
    <Loading className="workspace flex">
      <div className="flex flex-col min-w-0 min-h-0" style={{ width: `${share}%` }}>
        {left}
      </div>
      <div className="w-1 shrink-0 bg-border" />
      <div className="flex flex-col grow min-w-0 min-h-0">
        <Tabs count={2} />
        <span className="grow" />
        <RunBar />
      </div>
    </Loading>
  )
}

/** Placeholder of a page with a title, facts, optional tabs, and rows. */
export function PageSkeleton({ wide = false, tabs = 0, rows = 8 }: { wide?: boolean; tabs?: number; rows?: number }) {
  return (
    <Loading className={`w-full ${wide ? 'max-w-7xl' : 'max-w-5xl'} mx-auto px-3 sm:px-4 py-5 sm:py-8`}>
      <Bone className="h-9 w-2/5" />
      <Bone className="mt-2 h-4 w-1/2" />
      {tabs > 0 && (
        <div className={`mt-6 h-9 items-center gap-6! px-3 ${tabListClass}`}>
          {Array.from({ length: tabs }, (_, at) => (
            <Bone key={at} className="h-3.5 w-16" />
          ))}
        </div>
      )}
      <div className="mt-6">
        <BoneRows rows={rows} />
      </div>
    </Loading>
  )
}

/** Placeholder of a part of a page: rows of a list. Without a connection, a sentence, because nothing is being loaded. */
export function RowsSkeleton({ rows = 5 }: { rows?: number }) {
  if (!useIsOnline()) return <Offline />
  return (
    <Loading>
      <BoneRows rows={rows} />
    </Loading>
  )
}
