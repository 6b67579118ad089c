mod planning;
