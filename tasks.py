"""What `inv` finds in this directory: the tasks of xcatflow. Add your own below with `ns.add_task(...)`."""

from xcatflow.tasks import ns

__all__ = ["ns"]
