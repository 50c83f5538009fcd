# SPDX-License-Identifier: Apache-2.0
import hypothesis

# Times on a shared machine say nothing; and a failure must come back on the next run.
hypothesis.settings.register_profile('ddfnet', deadline=None, derandomize=True)
hypothesis.settings.load_profile('ddfnet')
