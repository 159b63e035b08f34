/* workflow_doc.h - the document of a workflow: domain/workflow.h, and what its
 * steps send. */
#pragma once

#include "app/workspace.h"
#include "base/problem.h"
#include "domain/workflow.h"

#define WORKFLOWS_MAX 1000 /* of a workspace */
/* Bytes: each notification that runs it keeps the steps as they were. */
#define WORKFLOW_DOC_MAX (64 * 1024)

/* What the table cannot say. w is where it would send, as of now. */
void workflow_doc_check(const struct workspace *w, struct json doc,
                        workflow_check_host *check_host, void *arg,
                        struct problem *p);
