# SPDX-License-Identifier: Apache-2.0
"""Detection study: traffic-light state and pedestrians in fused pictures of synthetic scenes."""
