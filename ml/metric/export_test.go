package metric

// RadixRows is from how many rows on Descending counts.
const RadixRows = radixRows

// Descending is what ranks rows.
var Descending = descending
