// A mutation that sends one request at a time: a second click on its button sends nothing while the first request is
// in progress.
import { useMutation, type UseMutationOptions, type UseMutationResult } from '@tanstack/react-query'
import { useState } from 'react'
import { Gate } from '../util/gate'

type Options<Data, Input> = UseMutationOptions<Data, Error, Input> & { mutationFn: (input: Input) => Promise<Data> }

export function useSend<Data, Input = void>({ mutationFn, ...options }: Options<Data, Input>): UseMutationResult<Data, Error, Input> {
  const [gate] = useState(() => new Gate())
  const mutation = useMutation<Data, Error, Input>({ ...options, mutationFn: (input) => gate.through(() => mutationFn(input)) })
  const mutate: typeof mutation.mutate = (...args) => {
    if (gate.enter()) mutation.mutate(...args)
  }
  return { ...mutation, mutate }
}
