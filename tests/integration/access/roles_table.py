"""Who may do what, as written down from the Image API's rules, never from the code that is tested.

A column of ten is one kind of image, a mark in it one caller, in the order of :data:`CALLERS`:

``+`` it is done · ``-`` it is refused (403) · ``.`` there is nothing of the kind (404)

The image belongs to the project blue, whose member imports it; red is a member of the shared one. ``NEW`` holds with
the default rules, ``OLD`` with ``[oslo_policy] enforce_new_defaults = false``. Anonymous callers may read and nothing
else, so that they are refused before anybody looks for the image; so is everybody who asks for what nobody may, such as
changing an internal property.
"""

from collections.abc import Mapping

# Name, project and role. Roles bring those below them, as in Keystone: admin, manager, member, reader.
CALLERS: Mapping[str, tuple[str, str] | None] = {
    "admin": ("ops", "admin"),
    "manager": ("blue", "manager"),
    "member": ("blue", "member"),
    "reader": ("blue", "reader"),
    "guest": ("blue", "guest"),
    "service": ("services", "service"),
    "invited": ("red", "member"),
    "other": ("green", "member"),
    "other-reader": ("green", "reader"),
    "anonymous": None,
}
KINDS = ("private", "shared", "community", "public")

NEW = """
                           private     shared      community   public
show                       ++++......  ++++..+...  ++++..++++  ++++..++++
show a hidden one          ++++......  ++++..+...  ++++..++++  ++++..++++
find in the list           ++++--....  ++++--+...  .+++--....  ++++--++++
find among the hidden      ++++--....  ++++--+...  .+++--....  ++++--++++
download                   +++-......  +++-..+...  +++-..++--  +++-..++-+
download part              +++-......  +++-..+...  +++-..++--  +++-..++-+
download, from this store  +++-......  +++-..+...  +++-..++--  +++-..++--
download a deactivated     +---......  +---..-...  +---..----  +---..----
upload                     +++-.....-  +++-..-..-  +++-..----  +++-..----
stage                      +++-.....-  +++-..-..-  +++-..----  +++-..----
import by glance-direct    +++-.....-  +++-..-..-  +++-..----  +++-..----
import by web-download     +++-.....-  +++-..-..-  +++-..----  +++-..----
watch an import            ++++......  ++++..+...  ++++..++++  ++++..++++
source of an import        ++++......  ++++......  ++++......  ++++......
tasks of an image          ++++......  ++++......  ++++......  ++++......
rename                     +++-.....-  +++-..-..-  +++-..----  +++-..----
add a property             +++-.....-  +++-..-..-  +++-..----  +++-..----
replace a property         +++-.....-  +++-..-..-  +++-..----  +++-..----
remove a property          +++-.....-  +++-..-..-  +++-..----  +++-..----
replace the tags           +++-.....-  +++-..-..-  +++-..----  +++-..----
protect                    +++-.....-  +++-..-..-  +++-..----  +++-..----
hide                       +++-.....-  +++-..-..-  +++-..----  +++-..----
set the formats            +++-.....-  +++-..-..-  +++-..----  +++-..----
set the needs              +++-.....-  +++-..-..-  +++-..----  +++-..----
change the owner           +---.....-  +---..-..-  +---..----  +---..----
make private               +++-.....-  +++-..-..-  +++-..----  +++-..----
make shared                +++-.....-  +++-..-..-  +++-..----  +++-..----
communitize                +++-.....-  +++-..-..-  +++-..----  +++-..----
publicize                  +---.....-  +---..-..-  +---..----  +---..----
change nothing             ++++.....-  ++++..+..-  ++++..+++-  ++++..+++-
change an internal         ----------  ----------  ----------  ----------
tag                        +++-.....-  +++-..-..-  +++-..----  +++-..----
untag                      +++-.....-  +++-..-..-  +++-..----  +++-..----
deactivate                 +++-.....-  +++-..-..-  +++-..----  +++-..----
reactivate                 +++-.....-  +++-..-..-  +++-..----  +++-..----
list members               ----......  ++++..+...  ----..----  ----..----
show a member              ..........  ++++..+...  ..........  ..........
invite                     ----.....-  +++-..-..-  ----..----  ----..----
accept                     ----.....-  +---..+..-  ----..----  ----..----
uninvite                   ----.....-  +++-..-..-  ----..----  ----..----
locations                  +---......  +---..-...  +---.+----  +---.+----
give a location            +++-.....-  +++-..-..-  +++-.+----  +++-.+----
add a location             +++-.....-  +++-..-..-  +++-..----  +++-..----
replace locations          +++-.....-  +++-..-..-  +++-..----  +++-..----
remove a location          +---.....-  +---..-..-  +---..----  +---..----
delete from a store        +---.....-  +---..-..-  +---..----  +---..----
delete                     +++-.....-  +++-..-..-  +++-..----  +++-..----
delete a protected         ----.....-  ----..-..-  ----..----  ----..----
"""

OLD = """
                           private     shared      community   public
show                       +++++.....  +++++.+...  ++++++++++  ++++++++++
show a hidden one          +++++.....  +++++.+...  ++++++++++  ++++++++++
find in the list           +++++.....  +++++.+...  .++++.....  ++++++++++
find among the hidden      +++++.....  +++++.+...  .++++.....  ++++++++++
download                   +++++.....  +++++.+...  ++++++++++  ++++++++++
download part              +++++.....  +++++.+...  ++++++++++  ++++++++++
download, from this store  +++--.....  +++--.+...  +++---++--  +++---++--
download a deactivated     +----.....  +----.-...  +---------  +---------
upload                     +++++....-  +++++.-..-  +++++-----  +++++-----
stage                      +++++....-  +++++.-..-  +++++-----  +++++-----
import by glance-direct    +++++....-  +++++.-..-  +++++-----  +++++-----
import by web-download     +++++....-  +++++.-..-  +++++-----  +++++-----
watch an import            +++++.....  +++++.+...  ++++++++++  ++++++++++
source of an import        +++++.....  +++++.....  +++++.....  +++++.....
tasks of an image          +++++.....  +++++.....  +++++.....  +++++.....
rename                     +++++....-  +++++.-..-  +++++-----  +++++-----
add a property             +++++....-  +++++.-..-  +++++-----  +++++-----
replace a property         +++++....-  +++++.-..-  +++++-----  +++++-----
remove a property          +++++....-  +++++.-..-  +++++-----  +++++-----
replace the tags           +++++....-  +++++.-..-  +++++-----  +++++-----
protect                    +++++....-  +++++.-..-  +++++-----  +++++-----
hide                       +++++....-  +++++.-..-  +++++-----  +++++-----
set the formats            +++++....-  +++++.-..-  +++++-----  +++++-----
set the needs              +++++....-  +++++.-..-  +++++-----  +++++-----
change the owner           +----....-  +----.-..-  +---------  +---------
make private               +++++....-  +++++.-..-  +++++-----  +++++-----
make shared                +++++....-  +++++.-..-  +++++-----  +++++-----
communitize                +++++....-  +++++.-..-  +++++-----  +++++-----
publicize                  +----....-  +----.-..-  +---------  +---------
change nothing             +++++....-  +++++.+..-  +++++++++-  +++++++++-
change an internal         ----------  ----------  ----------  ----------
tag                        +++++....-  +++++.-..-  +++++-----  +++++-----
untag                      +++++....-  +++++.-..-  +++++-----  +++++-----
deactivate                 +++++....-  +++++.-..-  +++++-----  +++++-----
reactivate                 +++++....-  +++++.-..-  +++++-----  +++++-----
list members               -----.....  +++++.+...  ----------  ----------
show a member              ..........  +++++.+...  ..........  ..........
invite                     -----....-  +++++.-..-  ----------  ----------
accept                     -----....-  +----.+..-  ----------  ----------
uninvite                   -----....-  +++++.-..-  ----------  ----------
locations                  +----.....  +----.-...  +----+----  +----+----
give a location            +++--....-  +++--.-..-  +++--+----  +++--+----
add a location             +++++....-  +++++.-..-  +++++-----  +++++-----
replace locations          +++++....-  +++++.-..-  +++++-----  +++++-----
remove a location          +++++....-  +++++.-..-  +++++-----  +++++-----
delete from a store        +++++....-  +++++.-..-  +++++-----  +++++-----
delete                     +++++....-  +++++.-..-  +++++-----  +++++-----
delete a protected         -----....-  -----.-..-  ----------  ----------
"""

# What is not about one image: with the new defaults, and with the old.
ANYWHERE = """
                           new         old
create                     +++---++--  +++++++++-
create a private           +++---++--  +++++++++-
create a community         +++---++--  +++++++++-
create a public            +---------  +---------
create for another         +---------  +---------
create with a property     +++---++--  +++++++++-
list                       ++++--++++  ++++++++++
list the hidden            ++++--++++  ++++++++++
list tasks                 +---------  +---------
show a task                +---------  +---------
ask for a task             +---------  +---------
import methods             ++++++++++  ++++++++++
stores                     ++++++++++  ++++++++++
stores in detail           +----+----  +----+----
usage                      ++++++++++  ++++++++++
schema of images           ++++++++++  ++++++++++
schema of tasks            ++++++++++  ++++++++++
list the cache             ..........  ..........
cache an image             .........-  .........-
metadata definitions       ..........  ..........
"""
