# syntax=docker/dockerfile:1
# One file, one image for each kind of work: `docker build --target lambda-batch .`
# Every requirement is a wheel named by hash in requirements/batch.txt; nothing is compiled here.

FROM public.ecr.aws/lambda/python:3.13 AS lambda-batch
COPY requirements/batch.txt /tmp/requirements.txt
RUN python -m pip install --no-cache-dir --disable-pip-version-check --only-binary=:all: \
        --require-hashes --target "${LAMBDA_TASK_ROOT}" -r /tmp/requirements.txt \
    && rm /tmp/requirements.txt
COPY endcap "${LAMBDA_TASK_ROOT}/endcap"
COPY lambdas "${LAMBDA_TASK_ROOT}/lambdas"
# The stack names each function's own handler.
CMD ["lambdas.validate_and_clean.handler.handler"]

FROM public.ecr.aws/docker/library/python:3.13-slim AS training
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/opt/endcap
# OpenMP, which implicit and catboost compute with. Of the base's release, whichever that has.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY requirements/batch.txt /tmp/requirements.txt
RUN python -m pip install --no-cache-dir --disable-pip-version-check --only-binary=:all: \
        --require-hashes -r /tmp/requirements.txt \
    && rm /tmp/requirements.txt
COPY endcap /opt/endcap/endcap
COPY training_jobs /opt/endcap/training_jobs
RUN useradd --create-home --uid 10001 endcap
USER 10001
WORKDIR /home/endcap
CMD ["python", "-m", "training_jobs.train_retrieval"]

# AWS has one tag for each release of EMR.
# hadolint ignore=DL3007
FROM public.ecr.aws/emr-serverless/spark/emr-7.9.0:latest AS spark
# EMR's own Python is older than any that Endcap runs on; Spark itself is the platform's.
USER 0
# hadolint ignore=DL3041
RUN dnf install --assumeyes python3.11 python3.11-pip && dnf clean all
COPY requirements/batch-py311.txt /tmp/requirements.txt
RUN python3.11 -m pip install --no-cache-dir --disable-pip-version-check --only-binary=:all: \
        --require-hashes -r /tmp/requirements.txt \
    && rm /tmp/requirements.txt
COPY endcap /opt/endcap/endcap
COPY training_jobs /opt/endcap/training_jobs
# The user that EMR Serverless runs jobs as.
USER 999:1000
