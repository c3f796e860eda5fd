/** Builds the tail anew from the back. */
function lightTail(train: ListNode<number> | null, strength: number): ListNode<number> | null {
  const weights: number[] = [];
  for (let wagon = train; wagon !== null; wagon = wagon.next) weights.push(wagon.val);
  let tail: ListNode<number> | null = null;
  let left = BigInt(strength);
  for (const weight of weights.reverse()) {
    left -= BigInt(weight);
    if (left < 0n) break;
    tail = new ListNode(weight, tail);
  }
  return tail;
}
