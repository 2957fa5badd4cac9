package queue

// Parse is how a task is read.
var Parse = parse

// TaskID is the name of a delivery's task.
func (d Delivery) TaskID() string { return d.taskID() }

// Share is how slots are divided among fetchers.
var Share = share
