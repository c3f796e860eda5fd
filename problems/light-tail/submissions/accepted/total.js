/** Sums can be beyond 2^53, so all of them are BigInt. */
function lightTail(train, strength) {
  let total = 0n;
  for (let wagon = train; wagon !== null; wagon = wagon.next) total += BigInt(wagon.val);
  while (total > BigInt(strength)) {
    total -= BigInt(train.val);
    train = train.next;
  }
  return train;
}
