// The files of the playground as tabs: choose, add, rename, delete. The main file stays.
import { FilePlus, Pencil, Trash2 } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { flushSync } from 'react-dom'
import { useMessages, useTexts } from '../i18n/messages'
import { playFiles } from '../i18n/play-files'
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

/** The form for the name of a file. */
interface NameForm {
  /** The file's present path. */
  path: string
  name: string
  /** Whether the file was added by this form. */
  isNew: boolean
}

export function PlayFiles({ files, selected, isReadOnly = false, onSelect, onAdd, onRename, onRemove }: PlayFilesProps) {
  const m = useMessages()
  const t = useTexts(playFiles)
  const [form, setForm] = useState<NameForm>()
  const [fault, setFault] = useState<PathFault>()
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => intoView(list.current?.querySelector<HTMLElement>('[aria-selected=true]') ?? null), [selected, files[selected]?.path])
  const isMain = selected === 0
  const { path: present = '' } = files[selected] ?? {}
  // Another file may be selected or deleted while the form is open.
  const open = form?.path === present ? form : undefined
  const close = () => setForm(undefined)
  const select = (at: number) => {
    close()
    onSelect(at)
  }
  const show = (path: string, isNew: boolean) => {
    setFault(undefined)
    setForm({ path, name: path, isNew })
  }
  const rename = ({ name }: NameForm) => {
    const path = name.trim()
    const found = pathFault(path, files.filter((_, at) => at !== selected).map((file) => file.path))
    setFault(found)
    if (found !== undefined) return
    onRename(path)
    close()
  }
  /** Moves the focus to the file that is then selected, because the button that acts may be removed. */
  const toFile = (act: () => void) => {
    flushSync(act)
    list.current?.querySelector<HTMLElement>('[aria-selected=true]')?.focus()
  }
  const cancel = ({ isNew }: NameForm) =>
    toFile(() => {
      close()
      if (isNew && files[selected]?.text === '') onRemove(true)
    })
  const quiet = 'px-2 shrink-0'
  return (
    <div className="border-b border-border bg-surface">
      <div className="flex items-center pr-1">
        <div ref={list} role="tablist" aria-label={t.files} className="flex gap-1 px-2 grow min-w-0 overflow-x-auto overflow-y-hidden">
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
            <Button look="quiet" className={quiet} onClick={() => show(onAdd(), true)} disabled={files.length > FILES_MAX - 1} aria-label={t.add} title={files.length > FILES_MAX - 1 ? t.tooMany(FILES_MAX) : t.add}>
              <FilePlus aria-hidden size={16} strokeWidth={1.5} />
            </Button>
            <Button
              look="quiet"
              className={quiet}
              disabled={isMain}
              onClick={() => show(present, false)}
              aria-label={t.rename}
              title={isMain ? t.mainFile : t.rename}
            >
              <Pencil aria-hidden size={16} strokeWidth={1.5} />
            </Button>
            <Button look="quiet" className={quiet} disabled={isMain} onClick={() => toFile(() => onRemove(false))} aria-label={t.remove} title={isMain ? t.mainFile : t.remove}>
              <Trash2 aria-hidden size={16} strokeWidth={1.5} />
            </Button>
          </>
        )}
      </div>
      {open !== undefined && (
        <form
          key={selected}
          onSubmit={(event) => {
            event.preventDefault()
            rename(open)
          }}
          className="flex flex-wrap items-center gap-2 px-3 py-2 border-t border-border"
        >
          <input
            aria-label={t.path}
            aria-invalid={fault !== undefined}
            value={open.name}
            onChange={(event) => setForm({ ...open, name: withoutOldExtension(event.target, event.nativeEvent as InputEvent, present) })}
            onKeyDown={(event) => event.key === 'Escape' && cancel(open)}
            autoFocus
            ref={selectStem}
            autoCapitalize="none"
            spellCheck={false}
            className={`${inputClass} font-mono grow basis-40 max-sm:basis-full`}
          />
          <Button type="submit">{open.isNew ? t.addNew : t.rename}</Button>
          <Button onClick={() => cancel(open)}>{m.cancel}</Button>
          {fault !== undefined && (
            <p role="alert" className="w-full text-wrong text-sm">
              {t.pathFaults[fault]}
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
