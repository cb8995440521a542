"""What pages say of a user: both lists with reasons, why one movie is shown or not, and further rows."""
