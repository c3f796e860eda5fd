// The files of the playground as tabs: choose, add, rename, delete. The main file stays.
import { FilePlus, Pencil, Trash2 } from 'lucide-react'
import { useEffect, useRef, useState, type FormEvent } from 'react'
import { useMessages } from '../i18n/messages'
import { Button } from '../ui/Button'
import { inputClass } from '../ui/Field'
import { intoView } from '../ui/tab'
import { TabButton } from '../ui/TabButton'
import { FILES_MAX, pathFault, type PathFault, type PlayFile } from '../util/play'
import { visible } from '../util/visible'

interface PlayFilesProps {
  files: PlayFile[]
  selected: number
  /** The files of a shared program do not change. */
  isReadOnly?: boolean
  onSelect: (at: number) => void
  /** Adds an empty file, which is then selected. Returns its name, which can be changed at once. */
  onAdd: () => string
  onRename: (path: string) => void
  /** `isNew`: the file was just added and is empty, so it need not be restored. */
  onRemove: (isNew: boolean) => void
}

export function PlayFiles({ files, selected, isReadOnly = false, onSelect, onAdd, onRename, onRemove }: PlayFilesProps) {
  const m = useMessages()
  const [renamed, setRenamed] = useState<string>()
  const [fault, setFault] = useState<PathFault>()
  // Whether the file was added by the open form.
  const [isNew, setIsNew] = useState(false)
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => intoView(list.current?.querySelector<HTMLElement>('[aria-selected=true]') ?? null), [selected, files[selected]?.path])
  const isMain = selected === 0
  const select = (at: number) => {
    setRenamed(undefined)
    onSelect(at)
  }
  const add = () => {
    setFault(undefined)
    setIsNew(true)
    setRenamed(onAdd())
  }
  const rename = (event: FormEvent) => {
    event.preventDefault()
    const path = (renamed ?? '').trim()
    const found = pathFault(path, files.filter((_, at) => at !== selected).map((file) => file.path))
    setFault(found)
    if (found !== undefined) return
    onRename(path)
    setRenamed(undefined)
  }
  const cancel = () => {
    setRenamed(undefined)
    if (isNew && files[selected]?.text === '') onRemove(true)
  }
  const quiet = 'px-2 shrink-0'
  return (
    <div className="border-b border-border bg-surface">
      <div className="flex items-center pr-1">
        <div ref={list} role="tablist" aria-label={m.play.files} className="flex gap-1 px-2 grow min-w-0 overflow-x-auto overflow-y-hidden">
          {files.map((file, at) => (
            <TabButton key={file.path} id={`file-${at}`} isSelected={at === selected} onClick={() => select(at)}>
              <span className="max-w-40 truncate font-mono text-sm" title={visible(file.path)}>
                {visible(file.path)}
              </span>
            </TabButton>
          ))}
        </div>
        {!isReadOnly && (
          <>
            <Button look="quiet" className={quiet} onClick={add} disabled={files.length > FILES_MAX - 1} aria-label={m.play.add} title={files.length > FILES_MAX - 1 ? m.play.tooMany(FILES_MAX) : m.play.add}>
              <FilePlus aria-hidden size={16} strokeWidth={1.5} />
            </Button>
            <Button
              look="quiet"
              className={quiet}
              disabled={isMain}
              onClick={() => {
                setFault(undefined)
                setIsNew(false)
                setRenamed(files[selected]?.path ?? '')
              }}
              aria-label={m.play.rename}
              title={isMain ? m.play.mainFile : m.play.rename}
            >
              <Pencil aria-hidden size={16} strokeWidth={1.5} />
            </Button>
            <Button look="quiet" className={quiet} disabled={isMain} onClick={() => onRemove(false)} aria-label={m.play.remove} title={isMain ? m.play.mainFile : m.play.remove}>
              <Trash2 aria-hidden size={16} strokeWidth={1.5} />
            </Button>
          </>
        )}
      </div>
      {renamed !== undefined && (
        <form key={selected} onSubmit={rename} className="flex flex-wrap items-center gap-2 px-3 py-2 border-t border-border">
          <input
            aria-label={m.play.path}
            aria-invalid={fault !== undefined}
            value={renamed}
            onChange={(event) => setRenamed(withoutOldExtension(event.target, event.nativeEvent as InputEvent, files[selected]?.path ?? ''))}
            onKeyDown={(event) => event.key === 'Escape' && cancel()}
            autoFocus
            ref={selectStem}
            autoCapitalize="none"
            spellCheck={false}
            className={`${inputClass} font-mono grow basis-40 max-sm:basis-full`}
          />
          <Button type="submit">{isNew ? m.play.addNew : m.play.rename}</Button>
          <Button onClick={cancel}>{m.cancel}</Button>
          {fault !== undefined && (
            <p role="alert" className="w-full text-wrong text-sm">
              {m.play.pathFaults[fault]}
            </p>
          )}
        </form>
      )}
    </div>
  )
}

/** The new name. If an extension is typed or pasted before the old extension, the old extension is removed. */
const withoutOldExtension = ({ value, selectionStart }: HTMLInputElement, { data, inputType }: InputEvent, old: string): string => {
  const at = selectionStart ?? value.length
  const [extension] = /\.[^./]+$/.exec(old) ?? []
  const isTyped = data?.includes('.') === true || inputType === 'insertFromPaste'
  return isTyped && value.slice(at) === extension && /[^/]\.[^/]*$/.test(value.slice(0, at)) ? value.slice(0, at) : value
}

/** Selects the name without its extension, because the extension is rarely changed. */
const selectStem = (input: HTMLInputElement | null) => {
  if (input === null) return
  const dot = input.value.lastIndexOf('.')
  input.setSelectionRange(input.value.lastIndexOf('/') + 1, dot > 0 ? dot : input.value.length)
}
