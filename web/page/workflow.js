"use strict"

// How far a data set is: eight stages, why some are closed, and what is best done next.

const stageName = (stage) => stage.name.replaceAll("_", " ")
const stageState = (stage) => (stage.skipped ? "left out" : stage.state.replaceAll("_", " "))
const closedBy = (stage) => stage.gates.filter((gate) => !gate.met)

// stagesOf is the row of stages.
function stagesOf(workflow) {
  const row = made("ol", undefined, "steps")
  for (const stage of workflow.stages) {
    const step = made("li", stageName(stage), stage.state)
    step.title = [stageState(stage), ...closedBy(stage).map((gate) => "Needs: " + gate.message + "."), ...stage.evidence.map((e) => e.text)].join("\n")
    step.append(unseen(", " + stageState(stage)))
    row.append(step)
  }
  return row
}

function nextOf(workflow) {
  const next = made("p", "Next: " + workflow.next.reason + ". ", "soft")
  next.append(made("code", workflow.next.command))
  return next
}

// reasonsOf says of every stage what its state follows from, and lets those be left
// out that may be.
function reasonsOf(workflow, decide) {
  const list = made("dl", undefined, "reasons")
  for (const stage of workflow.stages) {
    const closed = closedBy(stage)
    const said = made("dd")
    for (const gate of closed) said.append(made("p", "Needs: " + gate.message + "." + (gate.remedy ? " To do: " + gate.remedy + "." : "")))
    for (const e of stage.evidence) said.append(made("p", e.text))
    if (stage.skipped) said.append(made("p", "Left out by " + stage.skipped.user + (stage.skipped.note ? ": " + stage.skipped.note : "") + "."))
    if (stage.optional && (stage.skipped || stage.state !== "done")) {
      said.append(button((stage.skipped ? "Take up again: " : "Leave out: ") + stageName(stage), () => decide(stage.name, !stage.skipped), "quiet"))
    }
    list.append(made("dt", stageName(stage) + ": " + stageState(stage)), said)
  }
  return list
}

// filled is the body of a request with choices in their places, such as
// body.columns[0].name.
function filled(body, choices) {
  const out = structuredClone(body ?? {})
  for (const [location, value] of choices) {
    const path = location.replace(/^body\.?/, "").split(/[.[\]]+/).filter((part) => part !== "")
    let at = out
    for (const part of path.slice(0, -1)) at = at[part]
    at[path.at(-1)] = value
  }
  return out
}

// actionOf is what is best done next, as something to press. send(action, body) does it.
function actionOf(action, send) {
  const elsewhere = { transform: ["#prepare", "Choose steps"], "suggest-steps": ["#prepare", "Choose steps"], "upload-dataset": ["/", "Upload a file"] }[action.operation]
  if (elsewhere) return linkTo(...elsewhere)
  if (action.method === "GET") return made("span") // a job is at it, and followed
  const form = made("form", undefined, "inline")
  const chosen = (action.choices ?? []).map((choice) => {
    const label = made("label", "Column ")
    const select = made("select")
    select.append(...(choice.candidates ?? []).map((name) => made("option", name)))
    label.append(select)
    form.append(label)
    return [choice.location, select]
  })
  form.append(made("button", "Do this"))
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    send(action, filled(action.body, chosen.map(([location, select]) => [location, select.value])))
  })
  return form
}
