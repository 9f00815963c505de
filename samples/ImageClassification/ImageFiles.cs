namespace ImageClassification;

/// <summary>Fashion-MNIST, or any other set in its format.</summary>
internal static class ImageFiles
{
    private static readonly string[] s_fashion = ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

    /// <summary>Reads four files: images and labels, of the training and of the test.</summary>
    /// <param name="location">A folder with the files under their published names, or what the names of files such as <c>train-images.idx3.gz</c> begin with.</param>
    /// <param name="names">The names of the classes; empty = those of Fashion-MNIST.</param>
    public static ImageSet Read(string location, IReadOnlyList<string> names)
    {
        var prefix = Directory.Exists(location) ? location + Path.DirectorySeparatorChar : location;
        var (images, training) = Part(prefix, "train", "train", names);
        var (_, test) = Part(prefix, "test", "t10k", names);
        if (training[0].Pixels.Length != test[0].Pixels.Length)
        {
            throw new InvalidDataException("The images of the test have another size than those of the training.");
        }
        return new(images.Shape[1], images.Shape[2], training, test);
    }

    private static (IdxFile File, LabelledImage[] Images) Part(string prefix, string part, string published, IReadOnlyList<string> names)
    {
        var images = IdxFile.Read(Find(prefix, $"{part}-images.idx3", $"{published}-images-idx3-ubyte"), 3);
        var labels = IdxFile.Read(Find(prefix, $"{part}-labels.idx1", $"{published}-labels-idx1-ubyte"), 1);
        names = names.Count == 0 ? s_fashion : names;
        if (images.Rows == 0 || images.Rows != labels.Rows)
        {
            throw new InvalidDataException($"There are {images.Rows} images and {labels.Rows} labels.");
        }
        if (labels.Values.Max() >= names.Count)
        {
            throw new InvalidDataException($"There is a label {labels.Values.Max()}, but only {names.Count} names. Give all with --names.");
        }
        return (images, [.. labels.Values.Select((label, i) => new LabelledImage { Class = names[label], Pixels = [.. images[i].ToArray().Select(value => (float)value)] })]);
    }

    private static string Find(string prefix, params string[] names)
    {
        string[] paths = [.. names.SelectMany(name => new[] { $"{prefix}{name}.gz", prefix + name })];
        return paths.FirstOrDefault(File.Exists) ?? throw new FileNotFoundException($"There is none of the files {string.Join(", ", paths.Select(path => $"'{path}'"))}.");
    }
}
